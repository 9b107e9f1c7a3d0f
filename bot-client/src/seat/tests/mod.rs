mod machine;
mod script;
mod session;
