#!/bin/sh
# Installs (Debian, as root) or names (elsewhere) the system libraries that a Qt/VTK window needs, and a virtual display.
set -u
packages="xvfb libxcb-cursor0 libxkbcommon-x11-0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0
libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libxcb-xkb1 libxcb-sync1 libxcb-xfixes0 libegl1 libgl1 libopengl0
libgl1-mesa-dri libdbus-1-3 libfontconfig1 libxrender1 libsm6 libice6 libgomp1 fonts-dejavu-core"
if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "Not a Debian system: if the window does not start, install your system's packages for: Xvfb, xcb-cursor, xkbcommon-x11, EGL, OpenGL." >&2
    exit 0
fi
missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing system packages:$missing"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "A window needs these system packages; install them with:  sudo apt-get install$missing" >&2
fi
