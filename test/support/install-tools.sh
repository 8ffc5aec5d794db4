#!/usr/bin/env bash
# What the tests need beside Node: a Chromium for the pages, Python with numpy and requests and curl for the examples
# of docs/api.md. Installs Debian's packages where they are missing; elsewhere says what to install, and the tests
# that need it fail with the same words.
set -euo pipefail

missing=()
has_python() { "$1" -c 'import numpy, requests' > /dev/null 2>&1; }
has_chromium() { command -v chromium chromium-browser google-chrome google-chrome-stable > /dev/null; }
if [ -z "${CHROMIUM:-}" ] && ! has_chromium; then missing+=(chromium); fi
if ! has_python python3 && ! has_python /usr/bin/python3; then missing+=(python3 python3-numpy python3-requests); fi
if ! command -v curl > /dev/null; then missing+=(curl); fi
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

if ! command -v apt-get > /dev/null || [ "$(id -u)" -ne 0 ]; then
  echo "The tests need ${missing[*]} (as Debian names them); only root with apt-get can install them here." >&2
  exit 0
fi
echo "Installing what the tests need: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
timeout 120 apt-get update -qq || true
timeout 600 apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null || {
  echo "apt-get could not install ${missing[*]}; the tests that need them will fail." >&2
}
