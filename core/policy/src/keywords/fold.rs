//! Folding single characters, so that one word has one spelling (step 1 of understanding a reply).

use unicode_normalization::{UnicodeNormalization, char::decompose_canonical};

/// Writes the folded form of `text`: NFKC, lower case, diacritics of Latin, Greek and Cyrillic letters gone,
/// ornamental letters made plain, invisible characters dropped.
pub(crate) fn fold_into(text: &str, out: &mut String) {
    if text.is_ascii() {
        out.extend(text.chars().map(|c| c.to_ascii_lowercase()));
        return;
    }
    let plain = text.chars().filter(|c| !is_invisible(*c)).map(plain_letter);
    for composed in plain.nfkc() {
        for c in composed.to_lowercase() {
            fold_char(c, out);
        }
    }
}

fn fold_char(c: char, out: &mut String) {
    match c {
        '\0'..='\x7f' => out.push(c),
        // Marks left alone after decomposition, Arabic vowel signs and Hebrew points: written or not at will.
        '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{652}' | '\u{670}' | '\u{640}' | '\u{591}'..='\u{5bd}' => {}
        'ß' => out.push_str("ss"),
        'æ' => out.push_str("ae"),
        'œ' => out.push_str("oe"),
        'ø' => out.push('o'),
        'đ' | 'ð' => out.push('d'),
        'ł' => out.push('l'),
        'ı' => out.push('i'),
        'ς' => out.push('σ'),
        'ё' => out.push('е'),
        'أ' | 'إ' | 'آ' | 'ٱ' => out.push('ا'),
        'ى' => out.push('ي'),
        'ة' => out.push('ه'),
        'ی' => out.push('ي'),
        'ک' => out.push('ك'),
        '\u{80}'..='\u{52f}' | '\u{1e00}'..='\u{1fff}' => {
            decompose_canonical(c, |part| {
                if !('\u{300}'..='\u{36f}').contains(&part) {
                    out.push(part);
                }
            });
        }
        _ => out.push(c),
    }
}

/// Format characters, variation selectors, soft hyphens, joiners: nobody sees them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Ornamental letters that NFKC leaves as they are.
fn plain_letter(c: char) -> char {
    const SMALL_CAPITALS: [char; 26] = [
        'ᴀ', 'ʙ', 'ᴄ', 'ᴅ', 'ᴇ', 'ꜰ', 'ɢ', 'ʜ', 'ɪ', 'ᴊ', 'ᴋ', 'ʟ', 'ᴍ', 'ɴ', 'ᴏ', 'ᴘ', 'ǫ', 'ʀ', 'ꜱ', 'ᴛ',
        'ᴜ', 'ᴠ', 'ᴡ', 'x', 'ʏ', 'ᴢ',
    ];
    let from = |first: char| char::from_u32('a' as u32 + (c as u32 - first as u32)).unwrap_or(c);
    match c {
        '\0'..='\x7f' => c,
        '\u{1f150}'..='\u{1f169}' => from('\u{1f150}'),
        '\u{1f170}'..='\u{1f189}' => from('\u{1f170}'),
        '\u{1f1e6}'..='\u{1f1ff}' => from('\u{1f1e6}'),
        '\u{1eb}' | '\u{250}'..='\u{2af}' | '\u{1d00}'..='\u{1d2f}' | '\u{a730}'..='\u{a731}' => {
            SMALL_CAPITALS
                .iter()
                .position(|small| *small == c)
                .and_then(|index| char::from_u32('a' as u32 + u32::try_from(index).unwrap_or(0)))
                .unwrap_or(c)
        }
        _ => c,
    }
}

/// The Latin letter that a folded Cyrillic or Greek one looks like.
pub(crate) fn look_alike(c: char) -> Option<char> {
    Some(match c {
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'є' | 'ε' => 'e',
        'һ' | 'н' | 'η' => 'h',
        'і' | 'ι' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'ӏ' => 'l',
        'м' | 'μ' => 'm',
        'п' | 'ν' => 'n',
        'о' | 'ο' | 'σ' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'г' => 'r',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ц' => 'u',
        'ѵ' => 'v',
        'ԝ' | 'ω' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        'ζ' => 'z',
        _ => return None,
    })
}

/// Is it a letter of the Latin script (after folding)?
pub(crate) fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
}

/// Is it a letter of a script with Latin look-alikes?
pub(crate) fn has_look_alikes(c: char) -> bool {
    matches!(c, '\u{370}'..='\u{52f}')
}

/// Does it belong to a word?
pub(crate) fn is_word(c: char) -> bool {
    match c {
        '\0'..='\x7f' => c.is_ascii_alphanumeric(),
        // Danda and double danda end sentences; all else in the Indic and Thai blocks is letter or vowel sign.
        '\u{964}' | '\u{965}' | '\u{e3f}' => false,
        '\u{900}'..='\u{109f}' => true,
        _ => c.is_alphanumeric(),
    }
}

/// Apostrophes join what stands on both sides: don't, dʼont, don’t.
pub(crate) fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | '`' | '´' | '′' | '\u{55a}' | '\u{5f3}')
}
