//! `[evidence]`

use super::{Size, Time};
use dndgate_dnd::EvidenceRules;
use serde::Deserialize;
use std::time::Duration;

/// `[evidence]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvidenceConfig {
    /// Who approves it.
    pub approval: Approval,
    /// How long after its approval it begins to count.
    pub cool_down: Time,
    /// The longest text with its source.
    pub text_max: Size,
    /// The largest file.
    pub file_max: Size,
    /// The media types of files that are taken.
    pub file_types: Vec<String>,
}

/// Who approves evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Approval {
    /// Whoever files it.
    #[default]
    #[serde(rename = "none")]
    None,
    /// Somebody else.
    #[serde(rename = "second person")]
    SecondPerson,
}

impl Default for EvidenceConfig {
    fn default() -> EvidenceConfig {
        let types = [
            "application/pdf",
            "image/png",
            "image/jpeg",
            "image/webp",
            "image/heic",
            "image/tiff",
            "text/plain",
            "message/rfc822",
            "audio/mpeg",
            "audio/wav",
        ];
        EvidenceConfig {
            approval: Approval::None,
            cool_down: Time(Duration::ZERO),
            text_max: Size(16 << 10),
            file_max: Size(10 << 20),
            file_types: types.map(str::to_owned).to_vec(),
        }
    }
}

impl EvidenceConfig {
    /// As the rules read it.
    pub fn rules(&self) -> EvidenceRules {
        EvidenceRules {
            second_person: self.approval == Approval::SecondPerson,
            cool_down: self.cool_down.signed(),
        }
    }
}
