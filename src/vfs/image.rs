//! The files of one database in memory, in blocks, and the same as they are known to be kept: what
//! differs is what the next batch has to keep, and going back is taking the kept ones again.
//!
//! Blocks are shared between the two and copied when written, so neither a batch nor the way back
//! copies bytes.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::StorageError;

/// Bytes of a block. Measured on commits of three frames in both browsers: from 4 to 64 KiB a
/// commit takes the same time, while 16 MiB go out four times faster in blocks of 16 KiB than of 4;
/// larger ones only write more per page.
pub const BLOCK: usize = 16 << 10;

/// One block's [`BLOCK`] bytes.
pub type Block = Rc<Vec<u8>>;

/// One file. Beyond `size` the last block holds zeros.
#[derive(Debug, Clone, Default, PartialEq)]
struct Content {
    size: u64,
    blocks: Vec<Block>,
}

/// The changes since the last batch was kept. To be kept whole or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The sizes of all files that are there, by name.
    pub sizes: Vec<(String, u64)>,
    /// Blocks to forget: of this file, from this index on. Before the puts.
    pub cuts: Vec<(String, usize)>,
    /// Blocks to keep: of this file, at this index.
    pub puts: Vec<(String, usize, Block)>,
}

/// The files as SQLite sees them, and as they are kept (durable). A file of no bytes does not
/// exist.
#[derive(Debug, Default)]
pub struct Image {
    now: BTreeMap<String, Content>,
    kept: BTreeMap<String, Content>,
}

impl Image {
    /// Files that were read from where they are kept: by name, their size and blocks.
    ///
    /// # Errors
    /// `Io` when blocks are missing.
    pub fn load(files: Vec<(String, u64, Vec<Block>)>) -> Result<Image, StorageError> {
        let mut kept = BTreeMap::new();
        for (name, size, blocks) in files {
            if blocks.len() != count(size)? || blocks.iter().any(|block| block.len() != BLOCK) {
                return Err(StorageError::Io(format!(
                    "{name}: the storage has {} blocks for a file of {size} bytes: it is damaged",
                    blocks.len()
                )));
            }
            kept.insert(name, Content { size, blocks });
        }
        Ok(Image { now: kept.clone(), kept })
    }

    /// The names of the files that are there.
    pub fn names(&self) -> Vec<String> {
        self.now.keys().cloned().collect()
    }

    /// A file's size.
    pub fn size(&self, name: &str) -> u64 {
        self.now.get(name).map_or(0, |content| content.size)
    }

    /// Fills `buf` from byte `at` on as far as the file goes; says how far that was.
    pub fn read(&self, name: &str, buf: &mut [u8], at: u64) -> usize {
        let Some(content) = self.now.get(name) else { return 0 };
        let left = usize::try_from(content.size.saturating_sub(at)).unwrap_or(usize::MAX);
        let len = buf.len().min(left);
        for (index, range, part) in pieces(at as usize, len) {
            buf[part].copy_from_slice(&content.blocks[index][range]);
        }
        len
    }

    /// Writes at byte `at`; a gap before it is filled with zeros.
    pub fn write(&mut self, name: &str, bytes: &[u8], at: u64) -> Result<(), StorageError> {
        let end = at.saturating_add(bytes.len() as u64);
        if bytes.is_empty() {
            return Ok(());
        }
        let content = self.now.entry(name.into()).or_default();
        let blocks = count(end)?;
        content.reach(blocks)?;
        for (index, range, part) in pieces(at as usize, bytes.len()) {
            writable(&mut content.blocks[index])?[range].copy_from_slice(&bytes[part]);
        }
        content.size = content.size.max(end);
        Ok(())
    }

    /// Cuts a file, or fills it up with zeros.
    pub fn truncate(&mut self, name: &str, size: u64) -> Result<(), StorageError> {
        if size == 0 {
            self.now.remove(name);
            return Ok(());
        }
        let content = self.now.entry(name.into()).or_default();
        let blocks = count(size)?;
        content.reach(blocks)?;
        content.blocks.truncate(blocks);
        let used = (size % BLOCK as u64) as usize;
        if size < content.size && used > 0 {
            writable(&mut content.blocks[blocks - 1])?[used..].fill(0);
        }
        content.size = size;
        Ok(())
    }

    /// The batch to write for all changes to be durable; none when there are no changes.
    pub fn changes(&self) -> Option<Batch> {
        let sizes = |files: &BTreeMap<String, Content>| -> Vec<(String, u64)> {
            files.iter().map(|(name, content)| (name.clone(), content.size)).collect()
        };
        let none = Content::default();
        let mut batch = Batch { sizes: sizes(&self.now), cuts: Vec::new(), puts: Vec::new() };
        for (name, kept) in &self.kept {
            let left = self.now.get(name).unwrap_or(&none).blocks.len();
            if left < kept.blocks.len() {
                batch.cuts.push((name.clone(), left));
            }
        }
        for (name, now) in &self.now {
            let kept = self.kept.get(name).unwrap_or(&none);
            for (index, block) in now.blocks.iter().enumerate() {
                if !kept.blocks.get(index).is_some_and(|same| Rc::ptr_eq(same, block)) {
                    batch.puts.push((name.clone(), index, block.clone()));
                }
            }
        }
        let same =
            batch.cuts.is_empty() && batch.puts.is_empty() && batch.sizes == sizes(&self.kept);
        (!same).then_some(batch)
    }

    /// A batch is durable now. Changes made since it was taken are not.
    pub fn keep(&mut self, batch: Batch) {
        self.kept.retain(|name, _| batch.sizes.iter().any(|(there, _)| there == name));
        for (name, from) in &batch.cuts {
            if let Some(content) = self.kept.get_mut(name) {
                content.blocks.truncate(*from);
            }
        }
        for (name, size) in batch.sizes {
            self.kept.entry(name).or_default().size = size;
        }
        // in ascending order, as they were taken: a file grows by one block at a time
        for (name, index, block) in batch.puts {
            let blocks = &mut self.kept.entry(name).or_default().blocks;
            match blocks.get_mut(index) {
                Some(kept) => *kept = block,
                None => blocks.push(block),
            }
        }
    }

    /// Goes back to the durable state.
    pub fn go_back(&mut self) {
        self.now = self.kept.clone();
    }
}

impl Content {
    /// Has at least so many blocks, new ones of zeros.
    fn reach(&mut self, blocks: usize) -> Result<(), StorageError> {
        while self.blocks.len() < blocks {
            let mut block = empty()?;
            block.resize(BLOCK, 0);
            self.blocks.push(Rc::new(block));
        }
        Ok(())
    }
}

/// Room for a block. Running out of memory is an error and not an abort.
fn empty() -> Result<Vec<u8>, StorageError> {
    let mut block = Vec::new();
    let full = |_| StorageError::Quota("out of memory for the database's files".into());
    block.try_reserve_exact(BLOCK).map_err(full)?;
    Ok(block)
}

/// The block's bytes to write to: its own copy when it is shared.
fn writable(block: &mut Block) -> Result<&mut [u8], StorageError> {
    if Rc::get_mut(block).is_none() {
        let mut copy = empty()?;
        copy.extend_from_slice(block);
        *block = Rc::new(copy);
    }
    let bytes: &mut Vec<u8> = Rc::make_mut(block);
    Ok(bytes)
}

/// The number of blocks of a file of `size` bytes.
fn count(size: u64) -> Result<usize, StorageError> {
    usize::try_from(size.div_ceil(BLOCK as u64))
        .ok()
        // what a machine of 32 bits can address
        .filter(|blocks| blocks.checked_mul(BLOCK).is_some())
        .ok_or_else(|| StorageError::Quota(format!("no memory for a file of {size} bytes")))
}

/// The pieces of blocks that bytes `at..at + len` of a file are: index, place in the block, place
/// in the buffer.
fn pieces(
    at: usize,
    len: usize,
) -> impl Iterator<Item = (usize, std::ops::Range<usize>, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == len {
            return None;
        }
        let (index, from) = ((at + done) / BLOCK, (at + done) % BLOCK);
        let size = (BLOCK - from).min(len - done);
        let piece = (index, from..from + size, done..done + size);
        done += size;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// The files that a store of blocks makes of batches.
    #[derive(Default)]
    struct Disk {
        sizes: Vec<(String, u64)>,
        blocks: BTreeMap<(String, usize), Block>,
    }

    impl Disk {
        fn put(&mut self, batch: &Batch) {
            self.sizes = batch.sizes.clone();
            for (name, from) in &batch.cuts {
                self.blocks.retain(|(of, index), _| of != name || index < from);
            }
            for (name, index, block) in &batch.puts {
                self.blocks.insert((name.clone(), *index), block.clone());
            }
        }

        fn image(&self) -> Image {
            let files = self.sizes.iter().map(|(name, size)| {
                let blocks = self.blocks.iter().filter(|((of, _), _)| of == name);
                (name.clone(), *size, blocks.map(|(_, block)| block.clone()).collect())
            });
            Image::load(files.collect()).unwrap()
        }
    }

    fn bytes(image: &Image) -> BTreeMap<String, Vec<u8>> {
        let read = |name: &String| {
            let mut buf = vec![0xAA; image.size(name) as usize + 10];
            let got = image.read(name, &mut buf, 0);
            buf.truncate(got);
            (name.clone(), buf)
        };
        image.names().iter().map(read).collect()
    }

    /// A random walk against plain vectors: what is kept is what was there when the batch was
    /// taken, going back is being there again, and nothing but changes is written.
    #[test]
    fn what_is_kept_comes_back_byte_for_byte() {
        let mut seed = 1u64;
        let mut random = |below: usize| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        let (mut disk, mut image) = (Disk::default(), Image::default());
        let mut plain: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut kept = plain.clone();
        for step in 0..4000 {
            let name = ["main", "main-wal"][random(2)].to_string();
            let place = random(6) * BLOCK + [0, 1, 4096, BLOCK - 1][random(4)];
            match random(6) {
                0 => {
                    image.truncate(&name, place as u64).unwrap();
                    plain.entry(name.clone()).or_default().resize(place, 0);
                    plain.retain(|_, bytes| !bytes.is_empty());
                }
                1 => {
                    if let Some(batch) = image.changes() {
                        disk.put(&batch);
                        image.keep(batch);
                    }
                    assert_eq!(image.changes(), None);
                    kept = plain.clone();
                }
                2 if random(3) == 0 => {
                    image.go_back();
                    assert_eq!(image.changes(), None);
                    plain = kept.clone();
                }
                _ => {
                    let data = vec![step as u8 | 1; [1, 24, 4096, 2 * BLOCK + 5][random(4)]];
                    image.write(&name, &data, place as u64).unwrap();
                    let file = plain.entry(name).or_default();
                    file.resize(file.len().max(place + data.len()), 0);
                    file[place..place + data.len()].copy_from_slice(&data);
                }
            }
            assert_eq!(bytes(&image), plain, "step {step}");
            assert_eq!(bytes(&disk.image()), kept, "step {step}");
        }
    }

    #[test]
    fn only_what_changed_is_kept_again() {
        let mut image = Image::default();
        image.write("main", &[1; 4 * BLOCK], 0).unwrap();
        let batch = image.changes().unwrap();
        assert_eq!(batch.puts.len(), 4);
        image.keep(batch);
        image.write("main", &[2; 10], BLOCK as u64 - 5).unwrap();
        let batch = image.changes().unwrap();
        let indices: Vec<usize> = batch.puts.iter().map(|(_, index, _)| *index).collect();
        assert_eq!(indices, [0, 1]);
        image.write("main", &[3], 3 * BLOCK as u64).unwrap();
        image.keep(batch);
        assert_eq!(image.changes().unwrap().puts.len(), 1, "written since the batch was taken");
    }

    #[test]
    fn blocks_that_are_missing_are_noticed() {
        let lost =
            Image::load(vec![("main".into(), BLOCK as u64 + 1, vec![Rc::new(vec![0; BLOCK])])]);
        assert!(matches!(lost, Err(StorageError::Io(_))));
    }
}
