#!/usr/bin/env bash
# A Debian base image from packages, like the official slim ones: no documentation, no translations, no package lists.
# IMAGE: the tag to give. SUITE: the release. Finds Debian's mirror in the machine's own apt configuration.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# SITE: lines of `URI release component` of each source that apt knows.
sources() { apt-get indextargets --format '$(SITE) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' | sort -u; }
archive=$(sources | awk '$2 ~ /^[a-z]+$/ && $3 == "main" && $1 ~ /\/debian\/?$/ {print $1; exit}')
security=$(sources | awk '$2 ~ /-security$/ && $3 == "main" {print $1; exit}')
if [ -z "$archive" ]; then
  echo "no Debian mirror in apt's configuration; run 'apt-get update' first" >&2
  exit 1
fi
{
  for suite in "$SUITE" "$SUITE-updates"; do echo "deb $archive $suite main"; done
  if [ -n "$security" ]; then echo "deb $security $SUITE-security main"; fi
} >"$work/sources.list"

# As the official images: apt keeps no downloads and no caches, dpkg no documentation.
mkdir -p "$work/apt" "$work/dpkg"
cat >"$work/apt/docker-clean" <<'APT'
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
Acquire::GzipIndexes "true";
APT::AutoRemove::SuggestsImportant "false";
APT
cat >"$work/dpkg/docker-slim" <<'DPKG'
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/man/*
DPKG
mmdebstrap --quiet --variant=minbase --mode=root \
  --dpkgopt="$work/dpkg/docker-slim" \
  --customize-hook="copy-in $work/apt/docker-clean /etc/apt/apt.conf.d" \
  --customize-hook="copy-in $work/dpkg/docker-slim /etc/dpkg/dpkg.cfg.d" \
  --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/log/*.log "$1"/etc/hostname "$1"/etc/resolv.conf' \
  "$SUITE" "$work/root.tar" "$work/sources.list"
docker import --change 'CMD ["bash"]' \
  --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' "$work/root.tar" "$IMAGE" >/dev/null
