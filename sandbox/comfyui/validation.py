"""May this graph run? Answers with ComfyUI's own words: the error types, texts and shapes of POST /prompt."""

import traceback
from dataclasses import dataclass, field
from typing import Any

from sandbox.comfyui.node_cache import Graph, is_link
from sandbox.comfyui.node_class import Input, NodeClass

Reason = dict[str, Any]
CONVERT: dict[str, Any] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}


@dataclass(frozen=True)
class Verdict:
    """`error` is None when at least one output may run; `node_errors` names what is wrong with the others."""

    error: dict[str, Any] | None
    outputs: list[str] = field(default_factory=list)
    node_errors: dict[str, Any] = field(default_factory=dict)


def whole_error(kind: str, message: str, details: str = "", **extra: Any) -> dict[str, Any]:
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


def validate(graph: Graph, classes: dict[str, NodeClass], targets: list[str] | None = None) -> Verdict:
    """Raises AttributeError for what is no API graph at all (an export of the editor): the server answers 500."""
    for node_id, node in graph.items():
        missing = missing_class(node_id, node, classes)
        if missing:
            return Verdict(missing)
    outputs = [
        i for i, n in graph.items() if classes[n["class_type"]].output_node and (targets is None or i in targets)
    ]
    if not outputs:
        return Verdict(whole_error("prompt_no_outputs", "Prompt has no outputs"))
    return judge_outputs(graph, classes, outputs)


def missing_class(node_id: str, node: Any, classes: dict[str, NodeClass]) -> dict[str, Any] | None:
    class_type = node.get("class_type")
    if class_type in classes:
        return None
    title = node.get("_meta", {}).get("title") or class_type
    return whole_error(
        "missing_node_type",
        f"Node '{title}' not found. The custom node may not be installed.",
        f"Node ID '#{node_id}'",
        node_id=node_id,
        class_type=class_type,
        node_title=title,
    )


def judge_outputs(graph: Graph, classes: dict[str, NodeClass], outputs: list[str]) -> Verdict:
    judge = Judge(graph, classes)
    good: list[str] = []
    node_errors: dict[str, Any] = {}
    lines: list[str] = []
    for output in outputs:
        if judge.output(output):
            good.append(output)
            continue
        lines += [f"{reason['message']}: {reason['details']}" for reason in judge.reasons.get(output, [])]
        for node_id in judge.seen_for[output]:
            reasons = judge.reasons.get(node_id)
            if reasons:
                entry = {"errors": reasons, "dependent_outputs": [], "class_type": graph[node_id]["class_type"]}
                node_errors.setdefault(node_id, entry)["dependent_outputs"].append(output)
    if good:
        return Verdict(None, good, node_errors)
    error = whole_error("prompt_outputs_failed_validation", "Prompt outputs failed validation", "\n".join(lines))
    return Verdict(error, [], node_errors)


class Judge:
    """Walks from an output towards its inputs. A node is judged once; `reasons` holds what is wrong with it itself."""

    def __init__(self, graph: Graph, classes: dict[str, NodeClass]) -> None:
        self.graph = graph
        self.classes = classes
        self.verdicts: dict[str, bool] = {}
        self.reasons: dict[str, list[Reason]] = {}
        self.open: list[str] = []
        self.seen_for: dict[str, list[str]] = {}

    def output(self, node_id: str) -> bool:
        self.seen_for[node_id] = ancestors(self.graph, node_id)
        try:
            return self.node(node_id)
        except Exception as error:  # noqa: BLE001 - ComfyUI reports whatever a validation raises
            self.blame(node_id, raised("exception_during_validation", "Exception when validating node", error))
            return False

    def node(self, node_id: str) -> bool:
        if node_id in self.verdicts:
            return self.verdicts[node_id]
        if node_id in self.open:
            cycle = " -> ".join([*self.open[self.open.index(node_id) :], node_id])
            return self.blame(node_id, whole_error("dependency_cycle", "Dependency cycle detected", cycle))
        self.open.append(node_id)
        try:
            node = self.graph[node_id]
            spec = self.classes[node["class_type"]]
            results = [self.input(node_id, node["inputs"], name, spec) for name in spec.inputs]
        finally:
            self.open.pop()
        self.verdicts[node_id] = all(results) and node_id not in self.reasons
        return self.verdicts[node_id]

    def blame(self, node_id: str, reason: Reason) -> bool:
        self.reasons.setdefault(node_id, []).append(reason)
        self.verdicts[node_id] = False
        return False

    def input(self, node_id: str, inputs: dict[str, Any], name: str, spec: NodeClass) -> bool:
        config = spec.inputs[name]
        if name not in inputs:
            if name in spec.optional:
                return True
            missing = whole_error("required_input_missing", "Required input is missing", name, input_name=name)
            return self.blame(node_id, missing)
        value = inputs[name]
        if isinstance(value, list):
            return self.linked(node_id, name, config, value)
        reason = wrong_value(inputs, name, config)
        return self.blame(node_id, reason) if reason else True

    def linked(self, node_id: str, name: str, config: Input, value: list[Any]) -> bool:
        info = {"input_name": name, "input_config": list(config)}
        if not is_link(value):
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            return self.blame(node_id, whole_error("bad_linked_input", message, name, **info, received_value=value))
        source, slot = value
        received = self.classes[self.graph[source]["class_type"]].outputs[slot]
        if received != config[0]:
            details = f"{name}, received_type({received}) mismatch input_type({config[0]})"
            reason = whole_error("return_type_mismatch", "Return type mismatch between linked nodes", details, **info)
            reason["extra_info"] |= {"received_type": received, "linked_node": value}
            return self.blame(node_id, reason)
        return self.source(source, value, info)

    def source(self, source: str, value: list[Any], info: dict[str, Any]) -> bool:
        """What goes wrong while looking at a source is blamed on the source, not on what it in turn links to."""
        try:
            return self.node(source)
        except Exception as error:  # noqa: BLE001 - ComfyUI reports whatever a validation raises
            reason = raised("exception_during_inner_validation", "Exception when validating inner node", error)
            reason["extra_info"] |= {**info, "linked_node": value}
            return self.blame(source, reason)


def raised(kind: str, message: str, error: Exception) -> Reason:
    return whole_error(
        kind,
        message,
        str(error),
        exception_message=str(error),
        exception_type=type(error).__name__,
        traceback=traceback.format_tb(error.__traceback__),
    )


def wrong_value(inputs: dict[str, Any], name: str, config: Input) -> Reason | None:
    kind, options = config
    info = {"input_name": name, "input_config": list(config), "received_value": inputs[name]}
    if isinstance(kind, list):
        if inputs[name] in kind:
            return None
        choices = f"(list of length {len(kind)})" if len(kind) > 20 else kind
        return whole_error(
            "value_not_in_list", "Value not in list", f"{name}: '{inputs[name]}' not in {choices}", **info
        )
    try:
        value = inputs[name] = CONVERT.get(kind, lambda given: given)(inputs[name])
    except (ValueError, TypeError) as error:
        message = f"Failed to convert an input value to a {kind} value"
        details = f"{name}, {inputs[name]}, {error}"
        return whole_error("invalid_input_type", message, details, **info, exception_message=str(error))
    return out_of_bounds(value, name, options, info)


def out_of_bounds(value: Any, name: str, options: dict[str, Any], info: dict[str, Any]) -> Reason | None:
    if "min" in options and value < options["min"]:
        message = f"Value {value} smaller than min of {options['min']}"
        return whole_error("value_smaller_than_min", message, name, **info)
    if "max" in options and value > options["max"]:
        message = f"Value {value} bigger than max of {options['max']}"
        return whole_error("value_bigger_than_max", message, name, **info)
    return None


def ancestors(graph: Graph, node_id: str) -> list[str]:
    found: list[str] = []
    waiting = [node_id]
    while waiting:
        current = waiting.pop()
        if current in found or current not in graph:
            continue
        found.append(current)
        links = [value for value in graph[current].get("inputs", {}).values() if is_link(value)]
        waiting += [value[0] for value in links]
    return found
