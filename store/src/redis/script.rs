//! The Lua scripts: each is atomic in Redis, and its keys share one hash slot.

use redis::{Cmd, Pipeline, Script, cmd};

/// Every script of the store, with the digests to call them by.
pub(super) struct Scripts {
    pub(super) create: Script,
    pub(super) load: Script,
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
    pub(super) account_create: Script,
    pub(super) account_password: Script,
    pub(super) account_remove: Script,
    pub(super) api_token_put: Script,
    pub(super) api_token_touch: Script,
    pub(super) api_token_remove: Script,
    pub(super) invitation_put: Script,
    pub(super) login_code_put: Script,
    pub(super) login_code_use: Script,
}

impl Scripts {
    const SOURCES: [&str; 26] = [
        include_str!("lua/create.lua"),
        include_str!("lua/load.lua"),
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
        include_str!("lua/account_create.lua"),
        include_str!("lua/account_password.lua"),
        include_str!("lua/account_remove.lua"),
        include_str!("lua/api_token_put.lua"),
        include_str!("lua/api_token_touch.lua"),
        include_str!("lua/api_token_remove.lua"),
        include_str!("lua/invitation_put.lua"),
        include_str!("lua/login_code_put.lua"),
        include_str!("lua/login_code_use.lua"),
    ];

    pub(super) fn new() -> Self {
        let [
            create,
            load,
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
            account_create,
            account_password,
            account_remove,
            api_token_put,
            api_token_touch,
            api_token_remove,
            invitation_put,
            login_code_put,
            login_code_use,
        ] = Self::SOURCES.map(Script::new);
        Self {
            create,
            load,
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
            account_create,
            account_password,
            account_remove,
            api_token_put,
            api_token_touch,
            api_token_remove,
            invitation_put,
            login_code_put,
            login_code_use,
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
