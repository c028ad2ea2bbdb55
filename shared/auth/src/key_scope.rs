/// A scope that an API key can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyScope {
    /// Read the logs of KYC cases.
    KycRead,
    /// Append to them.
    KycWrite,
}

impl KeyScope {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::KycRead, Self::KycWrite];

    /// The scope's name in a credential.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KycRead => "kyc:read",
            Self::KycWrite => "kyc:write",
        }
    }

    /// Reads [`KeyScope::name`] back; `None` for every scope that no key can have.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_reaches_beyond_its_organization() {
        for scope in KeyScope::ALL {
            assert_eq!(KeyScope::from_name(scope.name()), Some(scope));
        }
        for other in ["", "kyc:", "KYC:READ", "audit.all", crate::PLATFORM_ADMIN] {
            assert_eq!(KeyScope::from_name(other), None, "{other}");
        }
    }
}
