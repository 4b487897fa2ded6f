"""What script/up says and does before there is a Python environment to say it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from config.env import ROOT

# uv as it answers here: `venv … FOLDER` makes a Python there, everything else is a sync that prints and ends with {status}.
UV = """#!/bin/sh
for word; do last=$word; done
[ "$1" = --version ] && exit 0
if [ "$1" = venv ]; then
  mkdir -p "$last/bin" && printf '#!/bin/sh\\nexit 0\\n' >"$last/bin/python" && chmod +x "$last/bin/python"
  exit
fi
echo "Downloading av (34.1MiB)" >&2
echo " Downloaded av" >&2
echo " + av==18.1.0" >&2
echo "Installed 1 package in 1ms" >&2
exit {status}
"""
# A Python whose venv carries a pip; what is installed by it is a uv that runs, unless {pip} fails.
PYTHON = """#!/bin/sh
[ "$1" = -c ] && exit 0
[ "$2" = venv ] && {venv} || exit 1
mkdir -p "$3/bin"
cat >"$3/bin/python" <<'END'
#!/bin/sh
{pip} || exit 1
printf '#!/bin/sh\\nexit 0\\n' >"${{0%python}}uv" && chmod +x "${{0%python}}uv"
END
chmod +x "$3/bin/python"
"""
DF = """#!/bin/sh
echo "Filesystem 1024-blocks Used Available Capacity Mounted on"
echo "/dev/vda 9000000 8000000 {free} 89% /"
"""
TOOLS = ("awk", "cat", "chmod", "cksum", "cp", "df", "grep", "mkdir", "rm", "sed", "tail")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout on a machine with nothing but the usual tools, in `bin`: no Python and no uv."""
    (tmp_path / "script").mkdir()
    shutil.copy(ROOT / "script" / "_lib.sh", tmp_path / "script")
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "embedded.txt").write_text("av==18.1.0\n")
    (tmp_path / "bin").mkdir()
    for name in TOOLS:
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    return tmp_path


def program(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def run(checkout: Path, words: str, **env: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": str(checkout / "bin"), "HOME": str(checkout)} | env
    command = ["/bin/sh", "-c", f"set -eu; . script/_lib.sh; {words}"]
    return subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, timeout=60, check=False)


def stopped(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence that the start ended with."""
    assert done.returncode == 1
    assert done.stderr.count("Meridian: ") == 1
    return done.stderr.partition("Meridian: ")[2].strip()


def test_an_older_python_is_named_with_what_to_do(checkout: Path) -> None:
    program(checkout / "bin" / "python3", '#!/bin/sh\n[ "$1" = --version ] && echo Python 3.10.13 && exit 0\nexit 1\n')
    sentence = stopped(run(checkout, "find_python"))
    assert sentence.startswith("Python 3.11, 3.12 or 3.13 is needed (found: Python 3.10.13)")
    assert "MERIDIAN_PYTHON" in sentence


def test_no_python_at_all_is_told_as_well(checkout: Path) -> None:
    assert "(found: none)" in stopped(run(checkout, "find_python"))


def test_the_python_that_a_person_names_is_taken_or_refused(checkout: Path) -> None:
    program(checkout / "bin" / "python3", "#!/bin/sh\nexit 0\n")
    program(checkout / "own", "#!/bin/sh\nexit 0\n")
    own = str(checkout / "own")
    assert run(checkout, "find_python", MERIDIAN_PYTHON=own).stdout.strip() == own
    (checkout / ".env").write_text(f'MERIDIAN_PYTHON="{own}"\n')
    assert run(checkout, "find_python").stdout.strip() == own
    missing = stopped(run(checkout, "find_python", MERIDIAN_PYTHON="/nowhere/python"))
    assert missing.startswith("MERIDIAN_PYTHON is /nowhere/python, and that is no Python 3.11, 3.12 or 3.13 that runs.")


def test_packages_come_without_a_line_for_each_that_is_installed(checkout: Path) -> None:
    program(checkout / "uv", UV.format(status=0))
    (checkout / ".venv").mkdir()
    done = run(checkout, "wanted=embedded; UV=./uv; sync_packages; say all there")
    assert done.stdout.splitlines() == ["Downloading av (34.1MiB)", "Installed 1 package in 1ms", "all there"]


def test_packages_that_do_not_come_are_asked_for_again(checkout: Path) -> None:
    program(checkout / "bin" / "python3", "#!/bin/sh\nexit 0\n")
    program(checkout / "bin" / "uv", UV.format(status=2))
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / ".meridian-synced").touch()  # of a start before
    assert stopped(run(checkout, "sync_venv embedded")).startswith("The Python packages could not be installed")
    assert stopped(run(checkout, "sync_venv embedded")).startswith("The Python packages could not be installed")
    program(checkout / "bin" / "uv", UV.format(status=0))
    assert "Installed 1 package" in run(checkout, "sync_venv embedded").stdout
    assert run(checkout, "sync_venv embedded").stdout == "", "nothing is left to do"
    (checkout / "requirements" / "embedded.txt").write_text("av==18.2.0\n")
    assert "Installed 1 package" in run(checkout, "sync_venv embedded").stdout


def test_an_environment_of_a_python_that_is_too_old_is_made_anew(checkout: Path) -> None:
    program(checkout / "bin" / "python3", "#!/bin/sh\nexit 0\n")
    program(checkout / "bin" / "uv", UV.format(status=0))
    program(checkout / ".venv" / "bin" / "python", '#!/bin/sh\n[ -z "$2" ]\n')  # runs, and is none of the right ones
    run(checkout, "sync_venv embedded")
    assert run(checkout, ".venv/bin/python -c words").returncode == 0


def test_a_full_disk_is_told_before_anything_is_made(checkout: Path) -> None:
    program(checkout / "bin" / "python3", "#!/bin/sh\nexit 0\n")
    program(checkout / "bin" / "uv", UV.format(status=0))
    program(checkout / "bin" / "df", DF.format(free=1048576))
    assert stopped(run(checkout, "sync_venv embedded")).startswith("Only 1024 MB are free here and the first start needs 4 GB")
    assert not (checkout / ".venv").exists()
    program(checkout / "bin" / "df", DF.format(free=4194304))
    assert run(checkout, "sync_venv embedded").returncode == 0


def test_a_uv_of_the_machine_is_used(checkout: Path) -> None:
    program(checkout / "bin" / "uv", UV.format(status=0))
    done = run(checkout, 'find_uv python3; say "$UV"')
    assert done.stdout == f"{checkout}/bin/uv\n"
    assert not (checkout / ".cache").exists()


def test_uv_is_installed_once_where_there_is_none_that_runs(checkout: Path) -> None:
    program(checkout / "bin" / "uv", "#!/bin/sh\nexit 1\n")
    program(checkout / "bin" / "python3", PYTHON.format(venv="true", pip="true"))
    uv = checkout / ".cache" / "meridian" / "uv" / "bin" / "uv"
    assert run(checkout, 'find_uv python3; say "$UV"').stdout == f"Installing uv into {uv.parent.parent}\n{uv}\n"
    assert run(checkout, 'find_uv python3; say "$UV"').stdout == f"{uv}\n"
    elsewhere = run(checkout, 'find_uv python3; say "$UV"', MERIDIAN_CACHE="~/elsewhere")
    assert elsewhere.stdout.endswith(f"{checkout}/elsewhere/uv/bin/uv\n")


def test_a_python_without_venv_is_told_with_the_package_to_install(checkout: Path) -> None:
    program(checkout / "bin" / "python3", PYTHON.format(venv="false", pip="true"))
    assert "install the package python3-venv" in stopped(run(checkout, "find_uv python3"))


def test_a_uv_that_does_not_come_is_asked_for_again(checkout: Path) -> None:
    program(checkout / "bin" / "python3", PYTHON.format(venv="true", pip="false"))
    assert stopped(run(checkout, "find_uv python3")).startswith("uv could not be installed")
    program(checkout / "bin" / "python3", PYTHON.format(venv="true", pip="true"))
    assert run(checkout, "find_uv python3").returncode == 0


def test_a_cache_that_cannot_be_written_is_named(checkout: Path) -> None:
    program(checkout / "bin" / "python3", PYTHON.format(venv="true", pip="true"))
    (checkout / "file").touch()
    sentence = stopped(run(checkout, "find_uv python3", MERIDIAN_CACHE=str(checkout / "file" / "cache")))
    assert sentence.startswith(f"The folder {checkout}/file/cache cannot be written to.")
    assert "MERIDIAN_CACHE" in sentence
    assert "MERIDIAN_CACHE" in stopped(run(checkout, "true", HOME="")), "without a home there is no usual place"
