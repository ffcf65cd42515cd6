# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# A D-Bus daemon that is as strict as that of the system: nobody owns a name, or calls anything but the bus itself,
# unless a policy says so. scripts/common.sh has to be read before.

# start_strict_bus FOLDER [LINE...]: more lines for its configuration, such as the <include> of a policy.
start_strict_bus() {
	local folder=$1
	shift

	cat >"$folder/bus.conf" <<-END
		<busconfig>
			<type>custom</type>
			<listen>unix:path=$folder/bus</listen>
			<auth>EXTERNAL</auth>
			<policy context="default">
				<allow user="*"/>
				<deny own="*"/>
				<deny send_type="method_call"/>
				<allow send_type="signal"/>
				<allow send_requested_reply="true" send_type="method_return"/>
				<allow send_requested_reply="true" send_type="error"/>
				<allow receive_type="method_call"/>
				<allow receive_type="method_return"/>
				<allow receive_type="error"/>
				<allow receive_type="signal"/>
				<allow send_destination="org.freedesktop.DBus"
				       send_interface="org.freedesktop.DBus"/>
				<allow send_destination="org.freedesktop.DBus"
				       send_interface="org.freedesktop.DBus.Introspectable"/>
				<allow send_destination="org.freedesktop.DBus"
				       send_interface="org.freedesktop.DBus.Properties"/>
			</policy>
			$(printf '%s\n' "$@")
		</busconfig>
	END
	run_bus "$folder"
}
