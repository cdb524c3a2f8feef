//! Gathering of WAL frames, and the rule that **no rolled-back row comes back**. Knows the WAL's
//! layout, no pages.
//!
//! While SQLite holds the write lock, frames go to a buffer and reach the storage in one write,
//! inside the xWrite of the commit frame's page: an error there still rolls back. After that,
//! everything is written through until the lock is released. SQLite may then rewrite checksums,
//! frame by frame and the commit frame's last: these go together too, and out with that last one,
//! where an error rolls back as well. More than [`LIMIT`] uncommitted bytes go out early.
//!
//! Why nothing rolled back survives. Recovery believes a frame only when the checksum chain from
//! the WAL header reaches it, and takes all up to the last commit frame. A transaction SQLite
//! rolled back can only come back if its *commit frame* was handed over: by a write that failed
//! after leaving its bytes, or followed by a failed checksum rewrite, flush or allocation. So the
//! end of the last such frame is noted *before* each attempt, and at the release of the lock
//! compared with mxFrame in the WAL index, which SQLite raises only when the commit succeeded. What
//! lies beyond is cut off and the cut flushed. If that fails it stays a debt, paid before the next
//! write, flush, cut or question for the size (recovery's first step): a retry of the same
//! transaction may write equal frames, and then the old commit frame would be valid again behind
//! them.
//! - Spilled frames without a commit frame may stay: a chain through them never ends in a commit.
//! - A restarted WAL has a new salt, so older content behind is void. The header is never gathered;
//!   SQLite flushes it before the first frame. A failed first commit leaves mxFrame 0, and the cut
//!   leaves the header alone.
//! - A crash before the cut: SQLite had not answered yet, so the caller may find the transaction
//!   done or not done.
//! - After recovery, frames behind mxFrame (a power loss kept some writes and lost earlier ones)
//!   are cut too: else equal frames written now could one day complete that old chain.
//! - A debt outlives the handles (`Files` keeps the node), not the process: who died with one had
//!   two failures in a row and then a crash. `locking_mode=EXCLUSIVE` has no shared index, hence no
//!   gathering and no cut; we don't use it.

use super::StorageError;
use super::disk::Disk;

/// Bytes before the first frame.
const HEADER: u64 = 32;
/// Bytes before each frame's page.
const FRAME_HEADER: usize = 24;
/// Uncommitted bytes kept back at most.
pub(super) const LIMIT: usize = 4 << 20;

/// The committed part of the WAL in bytes, according to mxFrame of the WAL index.
pub(super) fn committed_end(max_frame: u32, page: u32) -> u64 {
    HEADER + u64::from(max_frame) * (FRAME_HEADER as u64 + u64::from(page))
}

/// The frames of one WAL that are not in its storage yet.
#[derive(Debug, Default)]
pub(super) struct Gather {
    /// Uncommitted bytes kept back at most.
    limit: usize,
    /// Somebody holds the WAL's write lock.
    held: bool,
    /// Write through until the lock is released: the commit frame is out, or something failed.
    through: bool,
    /// Where `frames` belong.
    base: u64,
    /// Whole frames (the last may lack its page while SQLite is writing it), starting with a frame
    /// header.
    frames: Vec<u8>,
    /// Where the page of a commit frame is expected.
    commit_page: Option<u64>,
    /// End of the furthest commit frame whose hand-over was tried under this lock.
    commit_end: u64,
    /// After the commit frame: the frame SQLite has just read to rewrite its checksum, and where it
    /// is.
    reread: Option<(u64, Vec<u8>)>,
    /// The WAL must be cut to this size before anything else.
    debt: Option<u64>,
}

impl Gather {
    pub(super) fn new(limit: usize) -> Self {
        Gather { limit, ..Gather::default() }
    }

    /// The write lock was taken.
    pub(super) fn hold(&mut self) {
        self.held = true;
    }

    /// The write lock is being released; `committed` is the end of the last frame SQLite counts as
    /// committed, where it is known, and `recovered` says that the index was rebuilt from the file
    /// under this lock.
    pub(super) fn release(&mut self, disk: &mut Disk, committed: Option<u64>, recovered: bool) {
        let handed = self.commit_end;
        let Gather { debt, limit, .. } = *self;
        *self =
            Gather { debt, limit, frames: std::mem::take(&mut self.frames), ..Gather::default() };
        self.drop_frames();
        let Some(committed) = committed else { return };
        let beyond = if recovered { disk.size().unwrap_or(u64::MAX) } else { handed };
        if beyond > committed {
            self.debt = Some(committed);
            // SQLite ignores errors at the release of a lock: what fails here is tried again in
            // time
            let _ = self.settle(disk);
        }
    }

    /// Whether a cut is still due.
    pub(super) fn in_debt(&self) -> bool {
        self.debt.is_some()
    }

    /// Makes the cut that is due, if any.
    pub(super) fn settle(&mut self, disk: &mut Disk) -> Result<(), StorageError> {
        if let Some(end) = self.debt {
            if disk.size()? > end {
                disk.truncate(end)?;
            }
            disk.flush()?;
            self.debt = None;
        }
        Ok(())
    }

    pub(super) fn write(
        &mut self,
        disk: &mut Disk,
        data: &[u8],
        at: u64,
    ) -> Result<(), StorageError> {
        let written = self.settle(disk).and_then(|()| self.place(disk, data, at));
        if written.is_err() {
            self.drop_frames();
            self.through = self.held;
        }
        written
    }

    /// Puts a write into the buffer or the storage, and hands over when it completes a commit
    /// frame.
    fn place(&mut self, disk: &mut Disk, data: &[u8], at: u64) -> Result<(), StorageError> {
        let end = at + data.len() as u64;
        let commits = self.commit_page.take() == Some(at);
        if data.len() == FRAME_HEADER && at >= HEADER && data[4..8] != [0; 4] {
            self.commit_page = Some(end);
        }
        if commits {
            self.commit_end = self.commit_end.max(end);
        }
        if self.held && self.through && data.len() == FRAME_HEADER {
            return self.rewrite(disk, data, at);
        }
        if !self.held || self.through {
            return disk.write(data, at);
        }
        let starts = self.frames.is_empty() && data.len() == FRAME_HEADER && at >= HEADER;
        if starts {
            self.base = at;
        }
        if starts || (!self.frames.is_empty() && (self.base..=self.end()).contains(&at)) {
            let from = (at - self.base) as usize;
            let overlap = data.len().min(self.frames.len() - from);
            self.frames[from..from + overlap].copy_from_slice(&data[..overlap]);
            self.frames.extend_from_slice(&data[overlap..]);
        } else {
            // the header, or frames that went out early and are changed where they are; anything
            // else SQLite doesn't do, and the order of writes is kept
            if end > self.base {
                self.hand_over(disk)?;
            }
            disk.write(data, at)?;
        }
        if commits {
            // what a savepoint's rollback left behind the commit frame stays here
            self.keep_until(end);
            self.through = true;
            self.hand_over(disk)
        } else if self.frames.len() > self.limit && data.len() > FRAME_HEADER && end == self.end() {
            self.hand_over(disk)
        } else {
            Ok(())
        }
    }

    /// A frame's checksum is rewritten, which SQLite does frame by frame after a transaction that
    /// overwrote its own spilled pages, up to the commit frame. One write per frame costs more than
    /// writing whole frames together.
    fn rewrite(&mut self, disk: &mut Disk, header: &[u8], at: u64) -> Result<(), StorageError> {
        let Some((_, mut frame)) = self.reread.take().filter(|(place, _)| *place == at) else {
            self.hand_over(disk)?;
            return disk.write(header, at);
        };
        if !self.frames.is_empty() && at != self.end() {
            self.hand_over(disk)?;
        }
        if self.frames.is_empty() {
            self.base = at;
        }
        frame[..FRAME_HEADER].copy_from_slice(header);
        self.frames.extend_from_slice(&frame);
        if self.end() >= self.commit_end || self.frames.len() > self.limit {
            self.hand_over(disk)
        } else {
            Ok(())
        }
    }

    /// Writes the buffer to the storage in one call and empties it.
    fn hand_over(&mut self, disk: &mut Disk) -> Result<(), StorageError> {
        let written =
            if self.frames.is_empty() { Ok(()) } else { disk.write(&self.frames, self.base) };
        self.drop_frames();
        written
    }

    /// Empties the buffer. A usual transaction's memory is kept for the next one.
    fn drop_frames(&mut self) {
        self.frames.clear();
        self.frames.shrink_to(64 << 10);
    }

    /// Drops the buffered bytes from `end` on.
    fn keep_until(&mut self, end: u64) {
        let kept = end.saturating_sub(self.base).min(self.frames.len() as u64);
        self.frames.truncate(kept as usize);
    }

    /// Where the buffer ends.
    fn end(&self) -> u64 {
        self.base + self.frames.len() as u64
    }

    /// Reads what SQLite has written, gathered or not.
    pub(super) fn read(
        &mut self,
        disk: &mut Disk,
        buf: &mut [u8],
        at: u64,
    ) -> Result<usize, StorageError> {
        let got = self.read_through(disk, buf, at)?;
        let rewriting = self.held && self.through && self.commit_end > at;
        // whole frames only: a page alone starts 24 bytes further on, and its length is a power of
        // two
        self.reread =
            (rewriting && got == buf.len() && !got.is_power_of_two()).then(|| (at, buf.to_vec()));
        Ok(got)
    }

    fn read_through(
        &mut self,
        disk: &mut Disk,
        buf: &mut [u8],
        at: u64,
    ) -> Result<usize, StorageError> {
        let end = at + buf.len() as u64;
        if self.frames.is_empty() || end <= self.base {
            return disk.read(buf, at);
        }
        let mut got = 0;
        if at < self.base {
            buf.fill(0);
            disk.read(buf, at)?;
            got = (self.base - at) as usize;
        }
        let from = (at.saturating_sub(self.base) as usize).min(self.frames.len());
        let len = (buf.len() - got).min(self.frames.len() - from);
        buf[got..got + len].copy_from_slice(&self.frames[from..from + len]);
        if got + len < buf.len() && disk.size()? > at + (got + len) as u64 {
            let rest = got + len;
            return Ok(rest + disk.read(&mut buf[rest..], at + rest as u64)?);
        }
        Ok(got + len)
    }

    pub(super) fn size(&mut self, disk: &mut Disk) -> Result<u64, StorageError> {
        self.settle(disk)?;
        let size = disk.size()?;
        Ok(if self.frames.is_empty() { size } else { size.max(self.end()) })
    }

    pub(super) fn truncate(&mut self, disk: &mut Disk, size: u64) -> Result<(), StorageError> {
        self.settle(disk)?;
        self.keep_until(size);
        if disk.size()? > size { disk.truncate(size) } else { Ok(()) }
    }

    /// Flushes what was handed over. Uncommitted frames may stay: a checkpoint, the only one to
    /// flush while frames are gathered, needs committed ones only.
    pub(super) fn flush(&mut self, disk: &mut Disk) -> Result<(), StorageError> {
        self.settle(disk)?;
        if self.through {
            self.hand_over(disk)?;
        }
        disk.flush()
    }
}
