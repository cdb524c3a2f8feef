//! The single file of writers: one is finished before the next begins, in the order they came.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Where writers queue.
#[derive(Debug, Clone, Default)]
pub struct Lane(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    held: bool,
    /// Who waits, with their tickets, in the order they came.
    waiting: Vec<(u64, Waker)>,
    next_ticket: u64,
}

impl State {
    fn forget(&mut self, ticket: u64) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
    }
}

impl Lane {
    /// Waits for its turn. Ready at once when the lane is empty.
    pub fn enter(&self) -> Enter {
        Enter { lane: self.0.clone(), ticket: None }
    }
}

fn wake_next(state: &RefCell<State>) {
    let next = state.borrow().waiting.first().map(|(_, waker)| waker.clone());
    if let Some(waker) = next {
        waker.wake();
    }
}

/// A wait for the lane; giving it up is dropping it.
#[derive(Debug)]
pub struct Enter {
    lane: Rc<RefCell<State>>,
    ticket: Option<u64>,
}

impl Future for Enter {
    type Output = Turn;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Turn> {
        let lane = self.lane.clone();
        let mut state = lane.borrow_mut();
        let first = state.waiting.first().map(|(ticket, _)| *ticket);
        if !state.held && (first.is_none() || first == self.ticket) {
            if let Some(ticket) = self.ticket.take() {
                state.forget(ticket);
            }
            state.held = true;
            return Poll::Ready(Turn(lane.clone()));
        }
        match state.waiting.iter_mut().find(|(ticket, _)| Some(*ticket) == self.ticket) {
            Some((_, waker)) => waker.clone_from(cx.waker()),
            None => {
                state.next_ticket += 1;
                let ticket = *self.ticket.insert(state.next_ticket);
                state.waiting.push((ticket, cx.waker().clone()));
            }
        }
        Poll::Pending
    }
}

impl Drop for Enter {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        self.lane.borrow_mut().forget(ticket);
        if !self.lane.borrow().held {
            wake_next(&self.lane);
        }
    }
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub struct Turn(Rc<RefCell<State>>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.borrow_mut().held = false;
        wake_next(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn poll(enter: &mut Enter) -> Option<Turn> {
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(enter).poll(&mut cx) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    #[test]
    fn writers_go_in_the_order_they_came() {
        let lane = Lane::default();
        let (mut a, mut b, mut c) = (lane.enter(), lane.enter(), lane.enter());
        let turn = poll(&mut a).unwrap();
        assert!(poll(&mut b).is_none() && poll(&mut c).is_none());
        drop(turn);
        assert!(poll(&mut c).is_none(), "b came first");
        let mut late = lane.enter();
        assert!(poll(&mut late).is_none());
        drop(poll(&mut b).unwrap());
        assert!(poll(&mut c).is_some());
    }

    #[test]
    fn giving_up_lets_the_next_one_in() {
        let lane = Lane::default();
        let (mut a, mut b, mut c) = (lane.enter(), lane.enter(), lane.enter());
        let turn = poll(&mut a).unwrap();
        assert!(poll(&mut b).is_none() && poll(&mut c).is_none());
        drop(b);
        drop(turn);
        assert!(poll(&mut c).is_some());
    }
}
