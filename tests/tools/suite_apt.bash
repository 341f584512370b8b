# SPDX-License-Identifier: Apache-2.0
# To be sourced: apt for another suite of the machine's own mirror; packages are downloaded and unpacked, never installed.

KEYS=signed-by=/usr/share/keyrings/debian-archive-keyring.gpg

# mirror NAME: the base address of the archive of that name in the sources of apt
mirror() {
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null |
		grep -v '^ *#' | grep -oE "https?://[^ ]*/$1/?( |\$)" | head -1 | tr -d ' '
}

# own_apt [ARCH]: apt has lists and a cache of its own from here on, in ./apt, and the sources of apt/etc/sources.list, which the
# caller writes. (A mirror's copy of the lists may be old: the signature counts, the date does not.)
own_apt() {
	mkdir -p apt/lists/partial apt/cache/archives/partial apt/etc
	: >apt/status
	cat >apt/conf <<-END
		${1:+APT::Architecture "$1"; APT::Architectures { "$1"; };}
		Dir::State "$PWD/apt";
		Dir::State::status "$PWD/apt/status";
		Dir::Cache "$PWD/apt/cache";
		Dir::Etc "$PWD/apt/etc";
		Dir::Etc::sourcelist "$PWD/apt/etc/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::Etc::parts "-";
		Dir::Etc::preferencesparts "-";
		Acquire::Check-Valid-Until "false";
		Acquire::Languages "none";
		APT::Sandbox::User "root";
	END
	export APT_CONFIG=$PWD/apt/conf
}
