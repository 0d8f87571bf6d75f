#!/bin/sh
# Becomes a systemd of its own, as process 1 of the namespaces that systemd.py made around it.
# It sees this machine's files through an overlay whose changes are in memory, shares its network,
# and starts nothing but the journal.
#   $1  an empty folder
#   $2  a folder that is laid over everything (what `make install` installed)
#   $3  the cgroup version, 1 or 2
set -eu
base=$1 over=$2 cgroups=$3 root=$1/root

mount --make-rprivate /
mount -t tmpfs -o mode=755 rig "$base"
mkdir "$base/upper" "$base/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$root"
# Whoever has the program installed here, or keeps its state here, tests another one.
rm -rf "$root"/etc/devsecops-eda "$root"/var/lib/devsecops-eda*
cp -a "$over"/* "$root/"

mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
if [ "$cgroups" = 2 ]; then
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
    # It mounts the hierarchies itself.
    mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
fi

mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
touch "$root/dev/console"
mount --bind /dev/null "$root/dev/console"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"

# Of this machine's own services none starts here.
rm -rf "$root"/etc/systemd/system/*.wants "$root"/usr/lib/systemd/system/*.wants
mkdir -p "$root/run/systemd/system"
cat >"$root/run/systemd/system/rig.target" <<'UNIT'
[Unit]
Requires=systemd-journald.service
After=systemd-journald.service
UNIT

mkdir "$root/before"
cd "$root"
pivot_root . before
umount -l /before
# As systemd itself does where it believes to have a machine for itself: it hands credentials to
# services by mounts that have to spread.
mount --make-rshared /
exec env -i container=devsecops-eda-rig PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=rig.target --show-status=no
