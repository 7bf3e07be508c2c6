//! The kinds of the group, as the table of kinds has them.

use crate::kinds::kinds;

macro_rules! declare {
    ([] $($kind:ident $field:ident $module:ident::$controller:ident;)+) => {
        /// The kinds of the group. `Display` gives the kind's name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($kind,)+
        }

        impl Kind {
            /// How many there are.
            pub const COUNT: usize = [$(stringify!($kind)),+].len();

            /// Every kind, parents before children.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$kind),+];

            /// The kind's name as it stands in `kind:`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($kind),)+
                }
            }

            /// The one word by which people name its controller, such as order or view.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($module),)+
                }
            }
        }
    };
}

kinds!(declare);

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
