# shellcheck shell=bash disable=SC2034
# What the scripts in this folder share. Source it; it changes nothing but `repo`, `program` and these functions.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
program=$(basename "$0")

# say TEXT…: progress, for people, on stderr; stdout is for what other programs read.
say() { printf '%s\n' "$*" >&2; }

# die [-CODE] TEXT…: one error and out; 1 unless a code is given.
die() {
  local code=1
  if [[ $1 =~ ^-[0-9]+$ ]]; then
    code=${1#-}
    shift
  fi
  printf '%s: %s\n' "$program" "$*" >&2
  exit "$code"
}

usage_error() { die -2 "$*; see '$program --help'"; }

# progress TEXT…: "[3/7] TEXT"; set progress_total before the first one.
progress_done=0
progress_total=0
progress() {
  progress_done=$((progress_done + 1))
  say "[$progress_done/$progress_total] $*"
}

now_ms() {
  local t=${EPOCHREALTIME/[.,]/}
  echo $((t / 1000))
}

# seconds_since MS: "12.3", for messages.
seconds_since() {
  local ms=$(($(now_ms) - $1))
  printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

is_root() { [[ $(id -u) == 0 ]]; }

have() { command -v "$1" >/dev/null 2>&1; }

# port_is_free PORT: nothing on this machine listens on the TCP port, on any address.
port_is_free() {
  local hex tables=(/proc/net/tcp)
  [[ -r /proc/net/tcp6 ]] && tables+=(/proc/net/tcp6)
  printf -v hex '%04X' "$1"
  ! awk -v port="$hex" '{ n = split($2, a, ":"); if ($4 == "0A" && a[n] == port) found = 1 } END { exit !found }' "${tables[@]}"
}

# free_port: prints a port that is free now. Below the range the kernel gives to outgoing connections, so that nobody
# takes it by chance while a server is down between a stop and a start.
free_port() {
  local port tries
  for ((tries = 0; tries < 200; tries++)); do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 10000))
    if port_is_free "$port"; then
      echo "$port"
      return
    fi
  done
  die "no free TCP port between 20000 and 29999"
}
