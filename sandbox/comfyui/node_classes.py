"""Every node class that this server knows."""

from sandbox.comfyui.fault_nodes import fault_nodes
from sandbox.comfyui.image_nodes import image_nodes
from sandbox.comfyui.loader_nodes import loader_nodes
from sandbox.comfyui.node_class import NodeClass
from sandbox.comfyui.sampling_nodes import sampling_nodes
from sandbox.comfyui.settings import ComfySettings


def node_classes(settings: ComfySettings) -> dict[str, NodeClass]:
    known = [*loader_nodes(settings), *sampling_nodes(), *image_nodes(), *fault_nodes()]
    return {node.name: node for node in known}
