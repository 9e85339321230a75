//! File capabilities: `capabilities: [cap_net_bind_service]`.

use std::fmt;

/// The names of Linux's capabilities, by their numbers (include/uapi/linux/capability.h).
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// `VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE`: the form without a user namespace's root, which every runtime takes.
const REVISION_2_EFFECTIVE: u32 = 0x0200_0001;

/// A set of capabilities that a program gets when it is run.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(u64);

impl Capabilities {
    /// The name of the extended attribute.
    pub const XATTR: &str = "security.capability";

    /// Returns the names of all capabilities, for messages.
    pub fn names() -> &'static [&'static str] {
        &NAMES
    }

    /// Adds a capability by its name, in small or capital letters, with or without `cap_`; returns whether there is such
    /// a one.
    pub fn insert(&mut self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let known = |known: &str| *known == *name || known.strip_prefix("cap_") == Some(&name);
        let number = NAMES.iter().position(|it| known(it));
        self.0 |= number.map_or(0, |number| 1 << number);
        number.is_some()
    }

    /// Returns whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the value of `security.capability`: `struct vfs_cap_data` of revision 2, permitted and effective.
    pub fn to_xattr(self) -> Vec<u8> {
        let [low, high] = [self.0 as u32, (self.0 >> 32) as u32];
        // Permitted and inheritable, for the low and the high half.
        [REVISION_2_EFFECTIVE, low, 0, high, 0].iter().flat_map(|word| word.to_le_bytes()).collect()
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = NAMES.iter().enumerate().filter(|(number, _)| self.0 >> number & 1 == 1);
        f.debug_list().entries(held.map(|(_, name)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `setcap cap_net_bind_service,cap_bpf+ep FILE` leaves, read back by `getfattr`.
    #[test]
    fn the_value_is_that_of_setcap() {
        let mut set = Capabilities::default();
        assert!(set.insert("cap_net_bind_service") && set.insert("BPF"));
        assert_eq!(set.to_xattr(), [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]);
        assert!(!set.insert("cap_all"));
        assert_eq!(format!("{set:?}"), r#"["cap_net_bind_service", "cap_bpf"]"#);
    }
}
