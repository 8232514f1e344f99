#!/bin/sh
# Starts coturn in the foreground with a secret and configuration files, the later over the earlier:
#
#   start.sh SECRET_FILE CONFIGURATION… [-- TURNSERVER'S OWN FLAGS…]
#
# coturn reads its secret from its configuration alone, or from its command line, where every user of the machine sees
# it. So all of it becomes one file that only this user can read, in a folder of its own under TMPDIR.
set -eu

fail() {
  echo "start.sh: $1" >&2
  exit 2
}

[ $# -ge 2 ] || fail 'give a file with the secret, and at least one configuration file'
[ -r "$1" ] || fail "the secret file $1 cannot be read"
secret=$(cat "$1")
[ -n "$secret" ] || fail "the secret file $1 is empty; openssl rand -hex 32 makes a good one"
shift

umask 077
own=$(mktemp -d "${TMPDIR:-/tmp}/coturn.XXXXXX")
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  cat "$1" >>"$own/turnserver.conf"
  shift
done
if [ $# -gt 0 ]; then shift; fi
printf '\nstatic-auth-secret=%s\n' "$secret" >>"$own/turnserver.conf"

# coturn looks for secrets in its database too, whatever the configuration says. In a new file, its two threads that check
# credentials both make the tables, and one of the first two visitors gets 401 for "database is locked". In memory each
# has its own.
exec turnserver -c "$own/turnserver.conf" --userdb=:memory: --pidfile="$own/turnserver.pid" "$@"
