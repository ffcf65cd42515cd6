#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# org.smm1.Manager, and the tree of objects.

# shellcheck disable=SC2154 # set in helper.bash
load helper

@test "ListMemories has them in the order of the configuration" {
	local expected='a(sos) 3'

	memory fram0
	memory b 'format = never'
	memory a
	start_smmd
	expected+=' "fram0" "/org/smm1/memory/fram0" "online"'
	expected+=' "b" "/org/smm1/memory/b" "blank"'
	expected+=' "a" "/org/smm1/memory/a" "online"'
	gives "$expected" manager ListMemories
}

@test "GetMemory" {
	memory fram0
	start_smmd
	gives 'o "/org/smm1/memory/fram0"' manager GetMemory s fram0
	fails NoSuchMemory "there is no memory 'fram1'; .*" \
		manager GetMemory s fram1
}

@test "Version is that of the program" {
	memory fram0
	start_smmd
	run -0 "$SMMD" --version
	gives "s \"${output#smmd }\"" busctl get-property org.smm1 /org/smm1 org.smm1.Manager Version
}

@test "the tree shows every object" {
	memory fram0
	memory fram1
	start_smmd
	call Store say x 1 1
	call Store say y 1 1
	call Free u 1
	run -0 busctl --list tree org.smm1
	[ "$output" = "/
/org
/org/smm1
/org/smm1/memory
/org/smm1/memory/fram0
/org/smm1/memory/fram0/block
/org/smm1/memory/fram0/block/2
/org/smm1/memory/fram1
/org/smm1/memory/fram1/block" ]
}

@test "introspection says what the interface document says" {
	memory fram0
	start_smmd
	call Store say x 1 1
	diff <(
		busctl introspect org.smm1 "$memory" org.smm1.Memory | awk '{ print $1, $2, $3, $4 }' |
			sed -n 's/ method / /p'
	) - <<-'END'
		.Add sx x
		.Allocate sua{sv} u
		.Check a{sv} a{sv}
		.Find s u
		.Format a{sv} -
		.Free u -
		.List - a(usuuuuut)
		.Load s ay
		.Read uuu ay
		.Rename us -
		.Resize uu -
		.SetMode uu -
		.SetOwner uuu -
		.Store say u
		.Write uuay -
		.WriteInPlace uuay -
	END
	diff <(
		busctl introspect org.smm1 "$memory" org.smm1.Memory | awk '$2 == "property" { print $1, $3 }'
	) - <<-'END'
		.Blocks u
		.Bus s
		.BusSpeed u
		.Device s
		.FreeSize t
		.Granule u
		.Identification s
		.LargestFree t
		.Model s
		.Name s
		.Size t
		.State s
		.StateReason s
		.Statistics a{st}
		.Technology s
		.UsableSize t
		.WriteProtected b
	END
	diff <(
		busctl introspect org.smm1 "$memory/block/1" org.smm1.Block | awk '{ print $1, $2, $3, $4 }' |
			sed -n 's/ method / /p; s/ property \([a-z]\) .*/ \1/p'
	) - <<-'END'
		.Free - -
		.Read uu ay
		.Rename s -
		.Resize u -
		.SetMode u -
		.SetOwner uu -
		.Write uay -
		.WriteInPlace uay -
		.Address u
		.Checksummed b
		.Generation t
		.Group u
		.Id u
		.Kind s
		.Mode u
		.Name s
		.Owner u
		.Size u
	END
	diff <(
		busctl introspect org.smm1 /org/smm1 org.smm1.Manager | awk 'NR > 1 { print $1, $3, $4 }'
	) - <<-END
		.GetMemory s o
		.ListMemories - a(sos)
		.Version s "$("$SMMD" --version | cut -d' ' -f2)"
	END
}

@test "introspection names the arguments" {
	memory fram0
	start_smmd
	run -0 busctl --xml-interface introspect org.smm1 "$memory" org.smm1.Memory
	[[ $output == *'<method name="Allocate">
   <arg type="s" name="name" direction="in"/>
   <arg type="u" name="size" direction="in"/>
   <arg type="a{sv}" name="options" direction="in"/>
   <arg type="u" name="id" direction="out"/>'* ]]
}

@test "paths that are no objects" {
	memory fram0
	start_smmd
	call Store say x 1 1
	for path in block/01 block/+1 block/1/1 block/4294967297 block/x block/ blocks; do
		run -1 busctl call org.smm1 "$memory/$path" org.smm1.Block Free
	done
	fails NoSuchBlock '.* no block 2 .*' call_block 2 Free
	gives 'u 1' get Blocks
}
