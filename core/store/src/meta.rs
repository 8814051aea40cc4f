//! Named values of an installation.

use crate::{
    error::{Result, StoreError},
    rows::Rows,
    tx::Tx,
};

/// A secret of 256 bits, made when it is first asked for.
///
/// # Errors
/// When the store cannot be written.
pub fn secret(tx: &mut Tx<'_>, name: &str) -> Result<[u8; 32]> {
    secret_of(tx.rows, name)
}

pub(crate) fn secret_of<R: Rows + ?Sized>(rows: &mut R, name: &str) -> Result<[u8; 32]> {
    if let Some(found) = rows.meta(name)? {
        return found.try_into().map_err(|_| StoreError::Corrupt(format!("its secret {name:?}")));
    }
    let mut fresh = [0u8; 32];
    getrandom::fill(&mut fresh).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    rows.put_meta(name, &fresh)?;
    Ok(fresh)
}
