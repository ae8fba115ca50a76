//! Roles, and references to them.

use crate::ast::{Name, Role, Route};
use crate::diagnostics::Code;
use crate::keys::Where;
use crate::tree::Entry;

use super::Reader;
use super::keys_of::Keys;

impl Reader<'_> {
    /// `roles:`
    pub(super) fn roles(&mut self, top: &Keys<'_>) -> Vec<Role> {
        let mut roles = Vec::new();
        for entry in self.named(top.get("roles"), "names and which service holds them") {
            roles.extend(self.role(entry));
        }
        roles
    }

    fn role(&mut self, entry: &Entry) -> Option<Role> {
        let name = self.declared(&entry.key);
        let map = self.keys(&entry.value, Where::Role, &format!("role {}", name.value))?;
        let majority = self.one_of(&map, "quorum", Code::BadChoice) == Some(1);
        let of = self.text(&map, "of")?;
        self.service_named(&of)?;
        Some(Role { name, of: of.name(), majority })
    }

    /// `route:` of an api that these services receive.
    pub(super) fn route(&mut self, map: &Keys<'_>, to: &[Name]) -> Route {
        let Some(text) = self.text(map, "route").filter(|text| text.text != "any") else {
            return Route::Any;
        };
        if let Some(of) = self.names.roles.get(text.text) {
            if !to.iter().any(|receiver| receiver.value == *of) {
                let message = format!("`{}` is a role of `{of}`, which does not receive this call", text.text);
                let help = format!("write `to: {of}`, or another route");
                self.error(Code::BadChoice, text.span(), message, help);
            }
            return Route::Role(text.name());
        }
        let later = matches!(text.text, "stable" | "canary" | "sticky") || self.names.values.contains_key(text.text);
        if later {
            let message = format!("`route: {}` is not supported yet", text.text);
            self.error(Code::NotSupportedYet, text.span(), message, "write `route: any` or a role".to_owned());
        } else {
            let roles: Vec<String> = self.names.roles.keys().cloned().collect();
            let routes = ["any", "stable", "canary", "sticky"].into_iter();
            let routes: Vec<&str> = routes.chain(roles.iter().map(String::as_str)).collect();
            self.not_one_of(Code::BadChoice, &text, "route", &routes);
        }
        Route::Any
    }
}
