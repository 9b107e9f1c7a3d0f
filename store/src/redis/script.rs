//! The Lua scripts: each is atomic in Redis, and its keys share one hash slot.

use redis::{Cmd, Pipeline, Script, cmd};

/// Every script of the store, with the digests to call them by.
pub(super) struct Scripts {
    pub(super) create: Script,
    pub(super) load: Script,
    pub(super) head: Script,
    pub(super) claim: Script,
    pub(super) hand_over: Script,
    pub(super) append: Script,
    pub(super) expire: Script,
    pub(super) chat: Script,
    pub(super) hint: Script,
    pub(super) disown: Script,
    pub(super) heartbeat: Script,
    pub(super) leave: Script,
    pub(super) deregister: Script,
    pub(super) ticket_put: Script,
    pub(super) ticket_touch: Script,
    pub(super) ticket_cancel: Script,
    pub(super) ticket_assign: Script,
    pub(super) hold: Script,
}

impl Scripts {
    const SOURCES: [&str; 18] = [
        include_str!("lua/create.lua"),
        include_str!("lua/load.lua"),
        include_str!("lua/head.lua"),
        include_str!("lua/claim.lua"),
        include_str!("lua/hand_over.lua"),
        include_str!("lua/append.lua"),
        include_str!("lua/expire.lua"),
        include_str!("lua/chat.lua"),
        include_str!("lua/hint.lua"),
        include_str!("lua/disown.lua"),
        include_str!("lua/heartbeat.lua"),
        include_str!("lua/leave.lua"),
        include_str!("lua/deregister.lua"),
        include_str!("lua/ticket_put.lua"),
        include_str!("lua/ticket_touch.lua"),
        include_str!("lua/ticket_cancel.lua"),
        include_str!("lua/ticket_assign.lua"),
        include_str!("lua/hold.lua"),
    ];

    pub(super) fn new() -> Self {
        let [
            create,
            load,
            head,
            claim,
            hand_over,
            append,
            expire,
            chat,
            hint,
            disown,
            heartbeat,
            leave,
            deregister,
            ticket_put,
            ticket_touch,
            ticket_cancel,
            ticket_assign,
            hold,
        ] = Self::SOURCES.map(Script::new);
        Self {
            create,
            load,
            head,
            claim,
            hand_over,
            append,
            expire,
            chat,
            hint,
            disown,
            heartbeat,
            leave,
            deregister,
            ticket_put,
            ticket_touch,
            ticket_cancel,
            ticket_assign,
            hold,
        }
    }

    /// Appends the commands that load every script.
    pub(super) fn load_all(pipeline: &mut Pipeline) {
        for source in Self::SOURCES {
            pipeline.cmd("SCRIPT").arg("LOAD").arg(source);
        }
    }
}

/// The beginning of a call: the caller adds the arguments.
pub(super) fn call(script: &Script, keys: &[&str]) -> Cmd {
    let mut call = cmd("EVALSHA");
    call.arg(script.get_hash()).arg(keys.len()).arg(keys);
    call
}
