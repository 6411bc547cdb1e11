#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The browser that the tests take: the machine's Chromium, or else a headless one
# that npm has, for Linux on x86-64, with the libraries and a font of its own. It
# needs no root, and nothing of the machine but glibc from 2.34 on.
#
# scripts/browser.sh FOLDER BIN: unpacks it into FOLDER, and links it into BIN.
set -eu
PACKAGE=@sparticuz/chromium@153.0.0
SHA256=20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0

left_out() {
	echo "$1 The tests in a browser are left out; apt-get install chromium brings one."
	exit 0
}

command -v chromium >/dev/null || command -v chromium-browser >/dev/null && exit 0
[ "$(uname -sm)" = "Linux x86_64" ] || left_out "There is no Chromium here."
command -v npm >/dev/null || left_out "There is no Chromium here, and no npm to get one."

mkdir -p "$1" "$2"
folder=$(cd "$1" && pwd)
bin=$(cd "$2" && pwd)
cd "$folder"
npm pack --ignore-scripts --silent "$PACKAGE" >/dev/null ||
	left_out "npm has no $PACKAGE for us."
echo "$SHA256  $(ls sparticuz-chromium-*.tgz)" | sha256sum -c --quiet
tar -xzf sparticuz-chromium-*.tgz package/bin
rm sparticuz-chromium-*.tgz
for one in chromium al2023.tar swiftshader.tar fonts.tar; do
	node -e 'process.stdin.pipe(zlib.createBrotliDecompress()).pipe(process.stdout)' \
		<"package/bin/$one.br" >"$one"
	case $one in *.tar) tar -xf "$one" --no-same-owner && rm "$one" ;; esac
done
rm -r package
chmod +x chromium
# Without a font a page has no text at all.
echo "<fontconfig><dir>$folder/fonts</dir></fontconfig>" >fonts.conf
cat >run <<RUN
#!/bin/sh
LD_LIBRARY_PATH="$folder/lib" FONTCONFIG_FILE="$folder/fonts.conf" \\
	exec "$folder/chromium" "\$@"
RUN
chmod +x run
./run --version || left_out "$PACKAGE does not run here."
ln -sf "$folder/run" "$bin/chromium"
