//! The tunnels that another process of this program holds.

use openclaw_remote::{Control, Places, TunnelReport, TunnelState};

use crate::context::{Context, now_ms};
use crate::output::{Printer, Style, age, duration, harmless};

/// Where everything of the tunnels is.
pub(crate) fn places(context: &Context) -> Places {
    Places {
        folder: context.paths.tunnels_dir(),
        control: context.paths.tunnel_socket("ctl"),
        clients: context.paths.gateways_dir(),
    }
}

/// The process that holds them, if there is one.
pub(crate) fn control(context: &Context) -> Control {
    Control::new(places(context).control)
}

/// The tunnel to a named Gateway, if one is held.
pub(crate) async fn report(context: &Context, name: &str) -> Option<TunnelReport> {
    control(context).report().await?.tunnel(name).cloned()
}

/// The same as it was at the last change, which costs no question.
pub(crate) fn last_report(context: &Context, name: &str) -> Option<TunnelReport> {
    places(context).last_report()?.tunnel(name).cloned()
}

/// One line about a tunnel.
pub(crate) fn line(printer: Printer, tunnel: &TunnelReport) -> String {
    let style = match tunnel.state {
        TunnelState::Connected => Style::Good,
        TunnelState::Connecting => Style::Warn,
        TunnelState::Degraded => Style::Bad,
    };
    let state = printer.paint(style, tunnel.state.as_str());
    let now = now_ms();
    let mut line = format!("{state} since {}", age(now, tunnel.since_ms));
    if let Some(port) = tunnel.local_port {
        line.push_str(&format!(", browsers at http://127.0.0.1:{port}/"));
    }
    if let Some(reason) = &tunnel.reason {
        line.push_str(&format!(": {}", harmless(reason)));
    }
    if let Some(next) = tunnel.next_try_ms {
        let left = std::time::Duration::from_millis(next.saturating_sub(now));
        line.push_str(&format!(", next try in {}", duration(left)));
    }
    line
}
