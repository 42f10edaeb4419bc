#!/bin/sh
# A machine to install on: this one, seen from namespaces of its own, in which changes are kept in memory. It has a
# systemd and a loopback network. Runs the commands that come on standard input; what services print goes to /run/journal.
# usage: unshare --mount --net --pid --fork --mount-proc sh machine.sh PYTHON SITE_PACKAGES LAYERS < COMMANDS
set -eu
PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
python=$1 site_packages=$2 layers=$3

mount -t tmpfs none "$layers"
for folder in etc opt var usr/local tmp; do
    name=$(basename $folder)
    mkdir "$layers/$name" "$layers/$name.work"
    mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$layers/$name,workdir=$layers/$name.work" "/$folder"
done
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/systemd/system /run/systemd/inaccessible/dir /run/dbus
touch /run/systemd/inaccessible/reg /run/journal
chmod 0 /run/systemd/inaccessible/*
mount -t tmpfs none /home
ip link set lo up

# Python may lie in a home, where a service may not look, and find its library by its place.
mkdir -p /opt/python /opt/packages /opt/checkout
mount --bind "$("$python" -c 'import sys; print(sys.base_prefix)')" /opt/python
# So may the checkout and its packages, or in /tmp, of which a service has its own.
mount --bind "$site_packages" /opt/packages
mount --bind "$PWD" /opt/checkout

program() {
    printf '#!/bin/sh\n%s\n' "$2" >"/usr/local/bin/$1"
    chmod 755 "/usr/local/bin/$1"
}
program sudo '[ "$1" = -u ] || exec "$@"
user=$2; shift 2; exec setpriv --reuid "$user" --regid "$user" --clear-groups env HOME=/var/lib/netmon "$@"'
program python3 'exec /opt/python/bin/python3 "$@"'
program systemctl 'exec /usr/bin/systemctl --user "$@"'
program journalctl 'cat /run/journal'
# Stands for pip: what it would fetch from elsewhere is there already.
program install-packages "cd /opt/netmon/lib/python3*/site-packages
ls -d /opt/checkout/*/netmon_* | xargs -n 1 dirname >here.pth
echo \"import site; site.addsitedir('/opt/packages')\" >>here.pth
printf '#!/opt/netmon/bin/python\nfrom netmon_cli.main import main\nmain()\n' >/opt/netmon/bin/netmon; chmod 755 /opt/netmon/bin/netmon"

# A systemd that is not process 1 runs as a user's only. This user is root, so it sets up services as the system's does.
cat >/run/bus.conf <<'X'
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
X
units=/run/units
mkdir $units
cat >$units/dbus.socket <<'X'
[Socket]
ListenStream=/run/dbus/system_bus_socket
X
cat >$units/dbus.service <<'X'
[Service]
Type=notify
ExecStart=/usr/bin/dbus-daemon --config-file=/run/bus.conf --address=systemd: --nofork --nopidfile
X
cat >$units/multi-user.target <<'X'
[Unit]
Wants=dbus.service
Requires=dbus.socket
After=dbus.service
X
mkdir -p /etc/systemd
cat >/etc/systemd/user.conf <<'X'
[Manager]
DefaultEnvironment=LD_LIBRARY_PATH=/opt/python/lib
DefaultStandardOutput=inherit
DefaultStandardError=inherit
X
export XDG_RUNTIME_DIR=/run/manager XDG_CONFIG_HOME=/var/lib SYSTEMD_UNIT_PATH=/etc/systemd/system:$units:
export DBUS_SESSION_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket SYSTEMD_LOG_TARGET=null
mkdir -m 755 /run/manager
/lib/systemd/systemd --user --unit=multi-user.target >>/run/journal 2>&1 &
until systemctl is-active multi-user.target >/dev/null 2>&1; do sleep 0.05; done

unset XDG_CONFIG_HOME
export HOME=/run/home LD_LIBRARY_PATH=/opt/python/lib
exec bash -euo pipefail -s
