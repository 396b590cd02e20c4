# To be sourced by bash: headless Chromium, for scripts/test-report and scripts/pictures. $scratch is a
# folder of the script's own.

# have_browser: installs Chromium where it is not there; fails where that is not possible.
have_browser() {
  if ! command -v chromium > /dev/null; then
    echo "installing chromium"
    { [ "$(id -u)" -eq 0 ] && apt-get update -qq &&
      DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -qq -y \
        --no-install-recommends chromium; } > /dev/null 2>&1 || true
  fi
  command -v chromium > /dev/null
}

# browse OPTION... FILE: the browser, without anything that it does for itself.
browse() {
  timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --disable-extensions \
    --host-resolver-rules='MAP * ~NOTFOUND' --user-data-dir="$(mktemp -d -p "$scratch")" \
    --enable-logging=stderr --v=0 --hide-scrollbars "$@"
}
