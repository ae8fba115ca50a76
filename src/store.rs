//! Every file that is read or written.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use turnback_scenarios::source::SIZE_MAX;

/// The bytes of a scenario file, or of standard input for `-`. No more is read than the largest file may have and one.
pub fn read(name: &str) -> io::Result<Vec<u8>> {
    let limit = SIZE_MAX as u64 + 1;
    let mut bytes = Vec::new();
    if name == "-" {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        File::open(name)?.take(limit).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Writes a whole file or leaves what was there.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let problem = |error: io::Error| format!("{} cannot be written: {error}", path.display());
    let known = fs::metadata(path);
    if known.as_ref().is_ok_and(|known| !known.is_file() && !known.is_dir()) {
        // A pipe or a device: there is nothing to be kept whole.
        return File::options().write(true).open(path).and_then(|mut file| file.write_all(bytes)).map_err(problem);
    }
    let target = match known {
        Ok(_) => fs::canonicalize(path).map_err(problem)?,
        Err(_) => path.to_owned(),
    };
    replace(&target, bytes).map_err(problem)
}

/// Writes a whole new file; one that is there stays as it is.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let made = staged(path, bytes).and_then(|file| file.persist_noclobber(path).map_err(|error| error.error));
    made.map(drop).map_err(|error| format!("{} cannot be written: {error}", path.display()))
}

fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
    if target.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let file = staged(target, bytes)?;
    if let Ok(known) = fs::metadata(target) {
        file.as_file().set_permissions(known.permissions())?;
    }
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

/// A file beside `target` that has its bytes but not yet its name.
fn staged(target: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
    let mut file = as_new_files_are(&mut tempfile::Builder::new()).prefix(".turnback-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Readable by whom other new files are.
#[cfg(unix)]
fn as_new_files_are<'a, 'b>(builder: &'a mut tempfile::Builder<'b, 'b>) -> &'a mut tempfile::Builder<'b, 'b> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666))
}

/// Readable by whom other new files are.
#[cfg(not(unix))]
fn as_new_files_are<'a, 'b>(builder: &'a mut tempfile::Builder<'b, 'b>) -> &'a mut tempfile::Builder<'b, 'b> {
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answer.json");
        write(&path, b"first").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_new_file_is_never_written_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.yaml");
        create(&path, b"first").unwrap();
        assert!(create(&path, b"second").unwrap_err().contains("new.yaml cannot be written"));
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no/answer.json");
        assert!(write(&path, b"x").unwrap_err().contains("answer.json cannot be written"));
        assert!(write(folder.path(), b"x").is_err());
    }
}
