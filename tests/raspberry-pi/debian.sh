# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Packages of another release and architecture of Debian, through an apt with a state of its own: that of the system
# does not notice.

debian_suite=trixie
debian_key=/usr/share/keyrings/debian-archive-keyring.gpg
# shellcheck disable=SC2016 # apt-get expands it
# The mirror that the system's own apt uses.
debian_mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)

# debian_apt ARCHITECTURE TYPE: makes ./apt for packages (deb) or sources (deb-src).
debian_apt() {
	rm -rf apt
	mkdir -p apt/lists/partial apt/cache/archives/partial
	: >apt/status
	echo "$2 [signed-by=$debian_key] $debian_mirror $debian_suite main" >apt/sources.list
	cat >apt/apt.conf <<-END
		Dir::State "$PWD/apt";
		Dir::State::Lists "$PWD/apt/lists";
		Dir::State::status "$PWD/apt/status";
		Dir::Cache "$PWD/apt/cache";
		Dir::Etc::sourcelist "$PWD/apt/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		APT::Architecture "$1";
		APT::Architectures { "$1"; };
		APT::Sandbox::User "root";
		Acquire::Languages "none";
	END
	export APT_CONFIG=$PWD/apt/apt.conf
	apt-get -q update
}

# debian_unpack FOLDER PACKAGE...: what is in them, without installing it.
debian_unpack() {
	local folder=$1 package
	shift

	mkdir -p download
	(cd download && rm -f ./*.deb && apt-get -q download "$@")
	for package in download/*.deb; do
		dpkg-deb -x "$package" "$folder"
	done
}
