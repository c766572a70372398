"""Runs prompts one after the other and says so: every message of a prompt's life, in ComfyUI's order."""

import asyncio
import time
import traceback
from typing import Any

from sandbox.comfyui.machine import Machine
from sandbox.comfyui.node_cache import Graph, NodeResult, is_link, signature
from sandbox.comfyui.node_class import NodeCall, NodeClass
from sandbox.comfyui.outcome import history_entry
from sandbox.comfyui.prompt_queue import Prompt
from sandbox.comfyui.prompt_run import Interrupted, NodeFailure, PromptRun
from sandbox.comfyui.runs import Run


class Executor:
    """The worker thread of ComfyUI, as a task. `free` is done when the prompt that runs has ended."""

    def __init__(self, machine: Machine, classes: dict[str, NodeClass]) -> None:
        self.machine = machine
        self.classes = classes
        self.inputs_of = {name: list(node.inputs) for name, node in classes.items()}
        self.current: PromptRun | None = None
        self.unload_models = False
        self.free_memory = False

    async def run(self) -> None:
        queue = self.machine.queue
        while True:
            prompt = await queue.take()
            run = await self.execute(prompt)
            await asyncio.sleep(self.machine.settings.history_delay)
            queue.finish(prompt.prompt_id, history_entry(prompt, run.outcome))
            if prompt.client_id:
                done = {"node": None, "prompt_id": prompt.prompt_id}
                self.machine.publisher.to_client("executing", done, prompt.client_id)
            self.free()

    def interrupt(self, prompt_id: str | None) -> bool:
        """Without an id whatever runs is hit, whoever it belongs to."""
        if self.current is None or (prompt_id is not None and self.current.prompt.prompt_id != prompt_id):
            return False
        self.current.interrupted = True
        return True

    def order_free(self, unload_models: bool, free_memory: bool) -> None:
        self.unload_models |= unload_models
        self.free_memory |= free_memory
        if self.machine.queue.running is None:
            self.free()

    def free(self) -> None:
        if self.unload_models or self.free_memory:
            self.machine.gpu.unload()
        if self.free_memory:
            self.machine.cache.clear()
        self.unload_models = self.free_memory = False

    async def execute(self, prompt: Prompt) -> PromptRun:
        run = self.begin(prompt)
        run.tell("execution_start", prompt_id=prompt.prompt_id)
        keys = {node: signature(prompt.graph, node, self.inputs_of) for node in reachable(prompt.graph, prompt.outputs)}
        self.machine.cache.begin(set(keys.values()))
        cached = [node for node in prompt.graph if node in keys and self.cached(prompt.graph, node, keys) is not None]
        run.record.cached_nodes = tuple(cached)
        run.tell("execution_cached", nodes=cached, prompt_id=prompt.prompt_id)
        for output in prompt.outputs:
            if await self.node(run, output, keys) is None:
                break
        self.conclude(run)
        return run

    def begin(self, prompt: Prompt) -> PromptRun:
        created = prompt.extra_data["create_time"] / 1000
        record = Run(prompt.prompt_id, prompt.client_id, prompt_text(prompt.graph), created, time.time())
        self.machine.log.begin(record)
        self.machine.publisher.client_id = prompt.client_id
        self.machine.publisher.last_node = None
        self.current = PromptRun(prompt, record, self.machine)
        return self.current

    def conclude(self, run: PromptRun) -> None:
        self.current = None
        self.machine.publisher.last_node = None
        if run.outcome.failed:
            interrupted = run.outcome.messages[-1][0] == "execution_interrupted"
            self.machine.log.end(run.record, "interrupted" if interrupted else "error")
            return
        run.record.cached = not run.sampled and bool(run.record.cached_nodes)
        self.machine.log.end(run.record, "success")
        run.tell("execution_success", prompt_id=run.prompt.prompt_id)

    def cached(self, graph: Graph, node_id: str, keys: dict[str, str]) -> NodeResult | None:
        never = self.classes[graph[node_id]["class_type"]].never_cached
        return None if never else self.machine.cache.get(keys[node_id])

    async def node(self, run: PromptRun, node_id: str, keys: dict[str, str]) -> NodeResult | None:
        """None when this node or one that it needs did not come to an end."""
        result = self.cached(run.prompt.graph, node_id, keys)
        if result is not None:
            show_cached(run, node_id, result)
            return result
        node_class = self.classes[run.prompt.graph[node_id]["class_type"]]
        values = await self.values(run, node_id, node_class, keys)
        if values is None:
            return None
        result = await run_node(run, node_class, NodeCall(node_id, values, run))
        if result is not None:
            self.machine.cache.put(keys[node_id], result)
        return result

    async def values(
        self, run: PromptRun, node_id: str, node_class: NodeClass, keys: dict[str, str]
    ) -> dict[str, Any] | None:
        inputs = run.prompt.graph[node_id]["inputs"]
        values = {
            name: options["default"] for name, (_, options) in node_class.optional.items() if "default" in options
        }
        for name in node_class.inputs:
            value = inputs.get(name)
            if is_link(value):
                source = await self.node(run, value[0], keys)
                if source is None:
                    return None
                values[name] = source.outputs[value[1]]
            elif name in inputs:
                values[name] = value
        return values


async def run_node(run: PromptRun, node_class: NodeClass, call: NodeCall) -> NodeResult | None:
    try:
        run.stop_if_interrupted()
        run.progress.start(call.node_id)
        run.machine.publisher.last_node = call.node_id
        data = {"node": call.node_id, "display_node": call.node_id, "prompt_id": run.prompt.prompt_id}
        run.machine.publisher.to_owner("executing", data)
        result = await node_class.run(call)
    except (Interrupted, NodeFailure) as reason:
        tell_stopped(run, node_class, call, reason)
        return None
    if result.ui is not None:
        run.show(call.node_id, result.ui)
    run.progress.finish(call.node_id)
    run.outcome.executed.append(call.node_id)
    return result


def show_cached(run: PromptRun, node_id: str, result: NodeResult) -> None:
    """A cached save node shows the file of the earlier prompt once more, whether it still exists or not."""
    if node_id in run.prompt.outputs and node_id not in run.outcome.executed:
        if result.ui is not None:
            run.show(node_id, result.ui)
        run.progress.finish_cached(node_id)


def tell_stopped(run: PromptRun, node_class: NodeClass, call: NodeCall, reason: Interrupted | NodeFailure) -> None:
    run.outcome.failed = True
    where = {
        "prompt_id": run.prompt.prompt_id,
        "node_id": call.node_id,
        "node_type": node_class.name,
        "executed": list(run.outcome.executed),
    }
    if isinstance(reason, Interrupted):
        run.tell("execution_interrupted", **where)
        return
    run.tell(
        "execution_error",
        **where,
        exception_message=str(reason),
        exception_type=reason.exception_type,
        traceback=traceback.format_tb(reason.__traceback__),
        current_inputs={name: [repr(value)[:200]] for name, value in call.values.items()},
        current_outputs=list(run.prompt.graph),
    )


def reachable(graph: Graph, outputs: list[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(outputs)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += [value[0] for value in graph[node]["inputs"].values() if is_link(value)]
    return found


def prompt_text(graph: Graph) -> str:
    texts = [node["inputs"].get("text") for node in graph.values() if node["class_type"] == "CLIPTextEncode"]
    return " | ".join(text for text in texts if isinstance(text, str))
