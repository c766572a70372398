"""The house keeps its shape: names, sizes, and modules that load without any setting."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("api", "jobs", "webhook", "sandbox")
FOLDERS = (*PACKAGES, "tests", "bench", "alembic")
BANNED = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "manager",
    "service",
    "base",
    "core",
    "types",
    "constants",
    "misc",
}
LONGEST_FILE = 400

FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts)


def module(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def test_alembic_is_no_package_of_ours() -> None:
    """With an __init__.py it would hide the package of that name."""
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_no_file_is_named_after_nothing() -> None:
    assert [str(path.relative_to(ROOT)) for path in FILES if path.stem in BANNED or path.parent.name in BANNED] == []


def test_no_file_is_longer_than_one_can_read() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_every_folder_with_modules_is_a_package() -> None:
    # bench/probe is put on a path as it is, to be found by a process that starts
    ours = [path for path in FILES if path.relative_to(ROOT).parts[0] in (*PACKAGES, "tests")]
    folders = {path.parent for path in ours}
    assert [str(folder.relative_to(ROOT)) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_a_package_holds_words_and_no_code() -> None:
    import ast

    for path in FILES:
        if path.name == "__init__.py":
            body = ast.parse(path.read_text(encoding="utf-8")).body
            assert all(isinstance(each, ast.Expr) for each in body), path


def test_every_module_loads_without_a_setting(tmp_path: Path) -> None:
    inside = [path for path in FILES if path.relative_to(ROOT).parts[0] in PACKAGES]
    modules = [module(path) for path in inside if path.stem != "__main__"]
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n        importlib.import_module(name)\n"
        "    except BaseException as error:\n        print(name, repr(error))\n"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", code, *modules], cwd=tmp_path,
        env=environment, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == [], "to be imported is no reason to write files"
