"""Imports aiogram without building its six hundred models: a door that reads five of them starts much sooner.

aiogram declares its models with `defer_build` and then builds them all in a loop at the end of its import. Here that
loop finds nothing to do, and pydantic builds each model when it is first used, in aiogram's own namespace.
"""

import importlib
import logging
import sys
from typing import Any, Literal, Optional, Union

from pydantic import BaseModel

log = logging.getLogger(__name__)


def import_lazily() -> None:
    """Falls back to the plain import if anything is not as it was in the release that this was written for."""
    if "aiogram" in sys.modules:
        return
    build_now = BaseModel.__dict__["model_rebuild"]
    try:
        # undone below; setattr, because replacing a method is exactly what is meant
        setattr(BaseModel, "model_rebuild", classmethod(lambda cls, **_: None))  # noqa: B010
        importlib.import_module("aiogram")
    finally:
        setattr(BaseModel, "model_rebuild", build_now)  # noqa: B010 - as above
    try:
        _build_on_first_use()
    except Exception:
        log.warning("aiogram has changed its insides; importing it the slow way", exc_info=True)
        for name in [name for name in sys.modules if name.partition(".")[0] == "aiogram"]:
            del sys.modules[name]
        importlib.import_module("aiogram")


def _build_on_first_use() -> None:
    types = importlib.import_module("aiogram.types")
    methods = importlib.import_module("aiogram.methods")
    default = importlib.import_module("aiogram.client.default").Default
    namespace: dict[str, Any] = {
        "List": list,
        "Optional": Optional,
        "Union": Union,
        "Literal": Literal,
        "Default": default,
        **{name: getattr(types, name) for name in types.__all__},
    }
    bases = (types.TelegramObject, methods.TelegramMethod, methods.Request, methods.Response)
    for base in bases:
        base.model_rebuild = classmethod(_rebuild_in(namespace))


def _rebuild_in(namespace: dict[str, Any]) -> Any:
    def model_rebuild(cls: type[BaseModel], **options: Any) -> bool | None:
        options["_types_namespace"] = {**namespace, **(options.get("_types_namespace") or {})}
        return BaseModel.__dict__["model_rebuild"].__func__(cls, **options)  # type: ignore[no-any-return]

    return model_rebuild


# at the import of this module: whoever needs aiogram quickly imports this one first
import_lazily()
