# What script/up and script/test share: a Python, uv, and .venv in step with the lock.
# Sourced by sh with the checkout as the working directory.

# Compiling every module at every start is most of the time that a dozen processes take to start.
unset PYTHONDONTWRITEBYTECODE

say() { printf '%s\n' "$*"; }
fail() { printf 'Meridian: %s\n' "$*" >&2; exit 1; }

# These three are needed before the Python that reads .env; the environment wins over the file, as it does there.
from_env_file() {
  case "${MERIDIAN_ENV_FILES:-on}" in off | 0 | no | false) return ;; esac
  line=$(grep -s "^$1=." .env | tail -n 1) || return 0
  eval "given=\${$1:-}"
  [ -z "$given" ] || return 0
  value=$(printf '%s' "${line#*=}" | sed "s/^[[:space:]\"']*//; s/[[:space:]\"']*\$//")
  export "$1=$value"
}
for name in MERIDIAN_CACHE MERIDIAN_DATA MERIDIAN_PYTHON; do from_env_file "$name"; done

if [ -z "${MERIDIAN_CACHE:-}" ]; then
  [ -n "${HOME:-}" ] || fail "HOME is not set, so there is no place for the tools. Name a folder for them in MERIDIAN_CACHE."
  MERIDIAN_CACHE="$HOME/.cache/meridian"
fi
case $MERIDIAN_CACHE in "~/"*) MERIDIAN_CACHE="$HOME/${MERIDIAN_CACHE#"~/"}" ;; esac
export MERIDIAN_CACHE

right_python() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }

# Prints the first Python that is new enough, not too new, and really runs.
find_python() {
  if [ -n "${MERIDIAN_PYTHON:-}" ] && ! right_python "$MERIDIAN_PYTHON"; then
    fail "MERIDIAN_PYTHON is $MERIDIAN_PYTHON, and that is no Python 3.11, 3.12 or 3.13 that runs. Name another one, or leave it out."
  fi
  for name in "${MERIDIAN_PYTHON:-}" .venv/bin/python python3.13 python3.12 python3.11 python3 python; do
    [ -n "$name" ] || continue
    if right_python "$name"; then
      command -v "$name"
      return
    fi
  done
  found=$(python3 --version 2>/dev/null || echo none)
  fail "Python 3.11, 3.12 or 3.13 is needed (found: $found). Install one of them, or name it in MERIDIAN_PYTHON."
}

# Makes the folder of the tools, which has to be one that this person may write to.
make_cache() {
  mkdir -p "$MERIDIAN_CACHE" 2>/dev/null && [ -w "$MERIDIAN_CACHE" ] ||
    fail "The folder $MERIDIAN_CACHE cannot be written to. Name another one for the tools in MERIDIAN_CACHE, and one for the data in MERIDIAN_DATA."
}

# Sets UV; uv is put into a folder of its own in the cache where the machine has none.
find_uv() {
  UV=$(command -v uv 2>/dev/null || true)
  if [ -n "$UV" ] && "$UV" --version >/dev/null 2>&1; then return; fi
  UV="$MERIDIAN_CACHE/uv/bin/uv"
  if [ -x "$UV" ] && "$UV" --version >/dev/null 2>&1; then return; fi
  make_cache
  say "Installing uv into $MERIDIAN_CACHE/uv"
  rm -rf "$MERIDIAN_CACHE/uv"
  "$1" -m venv "$MERIDIAN_CACHE/uv" ||
    fail "Python's venv module does not work ($1). On Debian or Ubuntu install the package python3-venv, then start again."
  "$MERIDIAN_CACHE/uv/bin/python" -m pip install --quiet --disable-pip-version-check uv ||
    fail "uv could not be installed; the lines above say why. The first start needs the network, or a proxy named in https_proxy."
}

# Brings .venv in step with requirements/$1.txt. The larger set of a developer counts as in step and is never cut down.
sync_venv() {
  wanted=$1
  stamp=.venv/.meridian-lock
  if [ "$wanted" = embedded ] && grep -qs '^dev ' "$stamp"; then wanted=dev; fi
  now="$wanted $(cksum <"requirements/$wanted.txt")"
  if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$now" ]; then return; fi
  [ -w . ] || fail "You may not write in $PWD, where the Python packages go; take a checkout of your own."
  python=$(find_python)
  find_uv "$python"
  check_space .
  say "Installing the Python packages (some minutes the first time)"
  rm -f "$stamp"
  if ! right_python .venv/bin/python; then
    "$UV" venv --quiet --clear --python "$python" .venv || fail "The folder .venv could not be made; the line above says why."
  fi
  sync_packages ||
    fail "The Python packages could not be installed; the lines above say why. The first start needs the network."
  printf '%s\n' "$now" >"$stamp"
}

# A line when a package begins to come and when all are there, not one more for each of two hundred that is installed.
sync_packages() {
  rm -f .venv/.meridian-synced
  { "$UV" pip sync --compile-bytecode --python .venv/bin/python "requirements/$wanted.txt" 2>&1 && : >.venv/.meridian-synced; } |
    grep -vE --line-buffered '^ ([-+~]|Downloaded|  *Built) ' || :
  [ -e .venv/.meridian-synced ]
}

check_space() {
  free=$(df -Pk "$1" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge 4194304 ] || fail "Only $((free / 1024)) MB are free here and the first start needs 4 GB; make room, then start again."
}
