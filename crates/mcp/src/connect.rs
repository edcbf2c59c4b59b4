//! Reaching a server, and leaving it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use openclaw_base::CancellationToken;
use openclaw_exec::run::Talking;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::{
    ClientHandler, Peer, RoleClient, ServiceError, ServiceExt,
    model::{
        ClientCapabilities, ClientConfig, Implementation, PaginatedRequestParams, Tool as Offered,
    },
    service::NotificationContext,
    transport::{
        StreamableHttpClientTransport, async_rw::AsyncRwTransport,
        streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::Notify, time::timeout};

use crate::{
    capped::{Capped, Fault},
    secrets::Hiding,
    settings::{ServerSetting, Way},
    stdio::{self, LastWords, Surroundings},
};

/// Bytes of one message.
pub(crate) const MAX_MESSAGE: usize = 4 * 1024 * 1024;
/// Tools of one server.
const MAX_TOOLS: usize = 256;
/// Pages that a list of tools may have.
const MAX_PAGES: usize = 64;
/// How long a server may take to end by itself.
const PATIENCE: Duration = Duration::from_millis(500);

/// Our side of the conversation: it offers nothing and notes when the tools have changed.
#[derive(Clone, Default)]
pub(crate) struct Listener {
    changed: Arc<Notify>,
}

impl ClientHandler for Listener {
    fn get_info(&self) -> ClientConfig {
        let own = Implementation::new("openclaw", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), own)
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed.notify_one();
    }
}

/// A server that is there.
pub(crate) struct Connection {
    pub(crate) peer: Peer<RoleClient>,
    /// Ends when the connection has.
    served: Shared<BoxFuture<'static, ()>>,
    stop: CancellationToken,
    program: Option<Talking>,
    changed: Arc<Notify>,
    fault: Fault,
    last_words: LastWords,
    hiding: Hiding,
}

/// What a server does next.
pub(crate) enum Next {
    /// Its tools have changed.
    Changed,
    /// It has gone, for this reason.
    Gone(String),
}

impl Connection {
    /// Reaches a server; whoever has no more patience drops the future, and nothing is left.
    pub(crate) async fn open(
        name: &str,
        setting: &ServerSetting,
        surroundings: &Surroundings,
    ) -> Result<Self, String> {
        let way = setting.way.as_ref().map_err(Clone::clone)?;
        let hiding = Hiding::of(way.secrets());
        let listener = Listener::default();
        let changed = Arc::clone(&listener.changed);
        let fault = Fault::default();
        let stop = surroundings.tasks.token().child_token();
        let mut last_words = LastWords::default();
        let (service, program) = match way {
            Way::Stdio { argv, environment, cwd } => {
                let program = stdio::start(
                    name,
                    argv,
                    environment,
                    cwd.as_ref(),
                    hiding.clone(),
                    surroundings,
                )?;
                last_words = program.last_words;
                let output = Capped::new(program.output, MAX_MESSAGE, Arc::clone(&fault));
                let transport = AsyncRwTransport::new_client(output, program.input)
                    .with_max_line_length(MAX_MESSAGE + 1);
                let served = listener.serve_with_ct(transport, stop.clone()).await;
                (served, Some(program.talking))
            }
            Way::Http { url, headers } => {
                let transport = http(url, headers, setting.connect_timeout)?;
                (listener.serve_with_ct(transport, stop.clone()).await, None)
            }
        };
        let service = service.map_err(|error| {
            let why = fault.lock().clone().unwrap_or_else(|| error.to_string());
            told(&hiding, &why, &last_words)
        })?;
        let peer = service.peer().clone();
        let served = service.waiting().map(drop).boxed().shared();
        Ok(Self { peer, served, stop, program, changed, fault, last_words, hiding })
    }

    /// The tools it offers, up to a number.
    pub(crate) fn tools(
        &self,
    ) -> impl Future<Output = Result<Vec<Offered>, String>> + Send + 'static {
        let (peer, fault) = (self.peer.clone(), Arc::clone(&self.fault));
        let (hiding, last_words) = (self.hiding.clone(), Arc::clone(&self.last_words));
        async move {
            let told = |error: ServiceError| {
                let why = fault.lock().clone().unwrap_or_else(|| error.to_string());
                told(&hiding, &why, &last_words)
            };
            let mut tools = Vec::new();
            let mut cursor = None;
            for _ in 0..MAX_PAGES {
                let page = PaginatedRequestParams::default().with_cursor(cursor);
                let page = peer.list_tools(Some(page)).await.map_err(told)?;
                tools.extend(page.tools);
                cursor = page.next_cursor;
                if cursor.is_none() || tools.len() >= MAX_TOOLS {
                    break;
                }
            }
            tools.truncate(MAX_TOOLS);
            Ok(tools)
        }
    }

    /// Waits until something happens; nothing is lost if the future is dropped.
    pub(crate) async fn next(&mut self) -> Next {
        tokio::select! {
            () = self.changed.notified() => return Next::Changed,
            () = self.served.clone() => {}
            () = exit(&mut self.program) => {}
        }
        // A program that ends closes its pipes first, and its end says more.
        let why = match &mut self.program {
            Some(program) => match timeout(PATIENCE, program.ended()).await {
                Ok(Ok(status)) => format!("it ended with {status}"),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it closed its output".to_owned(),
            },
            None => "it closed the connection".to_owned(),
        };
        let why = self.fault.lock().clone().unwrap_or(why);
        Next::Gone(self.told(&why))
    }

    /// Leaves it: takes leave, then gives a program a moment to end before it is killed.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.served).await.ok();
        if let Some(program) = self.program {
            program.stop(PATIENCE).await;
        }
    }

    fn told(&self, why: &str) -> String {
        told(&self.hiding, why, &self.last_words)
    }
}

async fn exit(program: &mut Option<Talking>) {
    match program {
        // Why it could not be waited for is found out again by whoever asks for the reason.
        Some(program) => drop(program.ended().await),
        None => std::future::pending().await,
    }
}

/// A reason with the last words of the program, and without secrets.
fn told(hiding: &Hiding, why: &str, last_words: &LastWords) -> String {
    let why = hiding.hide(why);
    match last_words.lock().as_deref() {
        Some(words) => format!("{why}; its last words: {words}"),
        None => why,
    }
}

/// How a server is reached over HTTP: it is never sent on to another address with what was meant for it.
fn http(
    url: &str,
    headers: &BTreeMap<String, SecretString>,
    connect_timeout: Duration,
) -> Result<StreamableHttpClientTransport<reqwest::Client>, String> {
    let mut given = HashMap::new();
    for (name, value) in headers {
        let wrong = format!("the header {name} is malformed");
        let key = HeaderName::try_from(name.as_str()).map_err(|_| wrong.clone())?;
        let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| wrong)?;
        value.set_sensitive(true);
        given.insert(key, value);
    }
    let client = reqwest::Client::builder()
        .user_agent(concat!("openclaw/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| error.to_string())?;
    let config = StreamableHttpClientTransportConfig::with_uri(url)
        .custom_headers(given)
        .max_sse_event_size(MAX_MESSAGE)
        .max_json_response_size(MAX_MESSAGE);
    Ok(StreamableHttpClientTransport::with_client(client, config))
}

/// `work`, unless it takes too long.
pub(crate) async fn within<T>(
    limit: Duration,
    what: &str,
    work: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    match timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(format!("{what} took longer than {} s", limit.as_secs_f64())),
    }
}
