//! What is asked through the proxy, and what has to come of it.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use openclaw_client::knock::knock;
use serde::Serialize;
use tokio::{net::TcpStream, time::timeout};

use super::{
    ExposeError, ProxyKind, RunningProxy,
    http::{Answer, get},
    proxy::fail,
    recorder::Recorder,
};

/// Longest wait for what the proxy sends on.
const PATIENCE: Duration = Duration::from_secs(10);
/// An address that is nobody's, for headers that lie.
const NOBODY: &str = "203.0.113.9";
/// A name that is nobody's.
const STRANGER: &str = "rebinding.invalid";

/// What is tested.
#[derive(Clone, Debug)]
pub struct Front {
    /// The Gateway's port on this machine.
    pub gateway: SocketAddr,
    /// The name that clients will use; the proxy's address if there is none yet.
    pub host: Option<String>,
    /// How long a WebSocket stays quiet before it is asked whether it still holds.
    pub quiet: Duration,
}

/// The checks, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckName {
    /// A request comes through and is answered.
    Http,
    /// A WebSocket comes through, and the Gateway speaks on it.
    WebSocket,
    /// The Gateway is told who the client is, whatever the client says.
    ClientAddress,
    /// The name that the client used is kept.
    Host,
    /// Who is no proxy of ours cannot say whom it forwards.
    Strangers,
    /// A name that is not ours is refused.
    ForeignHost,
    /// A page of another origin is refused.
    ForeignOrigin,
}

/// One check and how it went.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// Which.
    pub check: CheckName,
    /// Whether it is as it has to be.
    pub ok: bool,
    /// What was seen.
    pub detail: String,
}

/// Starts the proxy, asks, and stops it.
///
/// # Errors
/// When there is nothing to ask: the proxy is missing or does not start.
pub async fn check(kind: ProxyKind, front: &Front) -> Result<Vec<Check>, ExposeError> {
    let there = timeout(PATIENCE, TcpStream::connect(front.gateway)).await;
    if !there.is_ok_and(|connected| connected.is_ok()) {
        return Err(ExposeError::NoGateway(front.gateway));
    }
    let recorder = Recorder::open().await.map_err(fail("find a spare port"))?;
    let recording = recorder.address().map_err(fail("find a spare port"))?;
    let proxy = RunningProxy::start(kind, &[front.gateway, recording]).await?;
    let &[through, recorded] = proxy.ways() else {
        return Err(ExposeError::Refused { program: kind.as_str(), words: "no port".to_owned() });
    };
    let host = front.host.clone().unwrap_or_else(|| through.to_string());
    let mut checks = vec![
        verdict(CheckName::Http, get(through, None, &[("Host", &host)]).await, 200, None),
        web_socket(through, &host, front.quiet).await,
    ];
    checks.extend(headers(&recorder, recorded, &host).await);
    checks.push(strangers(front.gateway).await);
    let foreign = get(through, None, &[("Host", STRANGER)]).await;
    checks.push(verdict(CheckName::ForeignHost, foreign, 403, Some("host_not_allowed")));
    let origin = format!("https://{STRANGER}");
    let foreign = get(through, None, &[("Host", &host), ("Origin", &origin)]).await;
    checks.push(verdict(CheckName::ForeignOrigin, foreign, 403, Some("origin_not_allowed")));
    proxy.stop().await?;
    Ok(checks)
}

fn verdict(
    check: CheckName,
    answer: io::Result<Answer>,
    status: u16,
    refusal: Option<&str>,
) -> Check {
    match answer {
        Ok(answer) => {
            let ok = answer.status == status && answer.refusal.as_deref() == refusal;
            let why = answer.refusal.map(|refusal| format!(" {refusal}")).unwrap_or_default();
            Check { check, ok, detail: format!("answered {}{why}", answer.status) }
        }
        Err(error) => Check { check, ok: false, detail: error.to_string() },
    }
}

async fn web_socket(through: SocketAddr, host: &str, quiet: Duration) -> Check {
    let knocked = knock(through, host, quiet).await;
    let detail = match &knocked {
        Ok(()) => {
            format!("the Gateway's challenge came; the line held {} ms of quiet", quiet.as_millis())
        }
        Err(error) => error.to_string(),
    };
    Check { check: CheckName::WebSocket, ok: knocked.is_ok(), detail }
}

/// Lies about who the client is, and looks at what the proxy makes of it.
async fn headers(recorder: &Recorder, at: SocketAddr, host: &str) -> [Check; 2] {
    let forwarded = format!("for={NOBODY}");
    let lies = [
        ("Host", host),
        ("X-Forwarded-For", NOBODY),
        ("X-Real-IP", NOBODY),
        ("X-Forwarded-Host", STRANGER),
        ("Forwarded", &forwarded),
    ];
    let (seen, _) = tokio::join!(timeout(PATIENCE, recorder.next()), get(at, None, &lies));
    let seen = seen.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).unwrap_or_default();
    let values = |name: &str| -> Vec<&str> {
        let named = seen.iter().filter(|(key, _)| key == name);
        named.map(|(_, value)| value.as_str()).collect()
    };
    let address = values("x-forwarded-for").join(", ");
    let lie_is_left = seen.iter().any(|(_, value)| value.contains(NOBODY) || value == STRANGER);
    let sent_on = values("host").join(", ");
    [
        Check {
            check: CheckName::ClientAddress,
            ok: address == Ipv4Addr::LOCALHOST.to_string() && !lie_is_left,
            detail: format!("X-Forwarded-For is `{address}`, as the client's socket has it"),
        },
        Check {
            check: CheckName::Host,
            ok: sent_on == host,
            detail: format!("Host is `{sent_on}`"),
        },
    ]
}

/// Another address of this machine, which is in no list of proxies.
async fn strangers(gateway: SocketAddr) -> Check {
    let from = gateway.is_ipv4().then_some(IpAddr::from(Ipv4Addr::new(127, 9, 9, 9)));
    let host = gateway.to_string();
    let lie = [("Host", host.as_str()), ("X-Forwarded-For", NOBODY)];
    let answer = get(gateway, from, &lie).await;
    verdict(CheckName::Strangers, answer, 403, Some("proxy_attribution_required"))
}
