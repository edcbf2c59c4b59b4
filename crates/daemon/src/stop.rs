//! Running until somebody says stop, and stopping in well under a second.

use std::time::Duration;

use openclaw_config::Paths;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    signal::unix::{Signal as Incoming, SignalKind, signal},
    time::{Instant, interval},
};

use crate::{
    audit::StartAudit,
    error::DaemonError,
    holder::PortHolder,
    lifecycle::{Lifecycle, Phase},
    lock,
    start::{Running, StartOptions, start},
};

/// How long `--force` waits for the Gateway that holds the state folder.
const FORCE_DEADLINE: Duration = Duration::from_secs(5);

/// Starts a Gateway and runs it until SIGINT or SIGTERM. `lifecycle` tells who wants to know.
///
/// # Errors
/// [`DaemonError`] says why it does not start.
pub async fn run(
    options: StartOptions,
    force: bool,
    lifecycle: Lifecycle,
) -> Result<(), DaemonError> {
    // Before anything else, so that an early Ctrl-C is not lost.
    let mut signals = Signals::listen()?;
    if force {
        stop_holder(&options.paths).await?;
    }
    let audit = StartAudit::of(&options.paths, &options.env, options.bind, &options.auth);
    let running = match start(options.clone()).await {
        Err(DaemonError::PortInUse { holder: Some(holder), .. }) if force => {
            take_port(options, &holder).await?
        }
        started => started?,
    };
    lifecycle.tell(Phase::Ready(&running.started));
    // Beside the waiting, so that nobody waits for it.
    let audited = async {
        lifecycle.tell(Phase::Audited(&audit.critical(running.started.port).await));
        std::future::pending::<()>().await;
    };
    let end = async {
        tokio::select! {
            () = signals.next() => {}
            () = audited => {}
        }
    };
    lifecycle.watch(&running, end).await;
    lifecycle.tell(Phase::Stopping);
    tracing::info!("gateway stops");
    tokio::select! {
        () = running.stop() => {}
        // Who asks twice does not want to wait.
        () = signals.next() => {}
    }
    Ok(())
}

impl Running {
    /// Announces the end, drains, and closes the state.
    pub async fn stop(self) {
        if let Some(publishing) = &self.publishing {
            publishing.cancel();
        }
        self.gateway.shutdown(None).await;
        if let Some(publishing) = self.publishing {
            publishing.stop().await;
        }
        self.store.close().await;
        std::fs::remove_file(&self.socket).ok();
        drop(self.lock);
    }
}

struct Signals {
    interrupt: Incoming,
    terminate: Incoming,
}

impl Signals {
    fn listen() -> Result<Self, DaemonError> {
        let listen = |kind| {
            signal(kind).map_err(|source| DaemonError::File {
                action: "cannot watch signals for",
                path: "the process".into(),
                source,
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Asks the Gateway that has the port to stop, and starts as soon as the port is free.
async fn take_port(options: StartOptions, holder: &PortHolder) -> Result<Running, DaemonError> {
    terminate(holder.gateway);
    let deadline = Instant::now() + FORCE_DEADLINE;
    let mut look = interval(Duration::from_millis(20));
    loop {
        look.tick().await;
        match start(options.clone()).await {
            // Who is no Gateway of ours is left alone, so waiting would help nobody.
            Err(DaemonError::PortInUse { .. })
                if holder.gateway.is_some() && Instant::now() < deadline => {}
            started => return started,
        }
    }
}

fn terminate(pid: Option<i32>) {
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        // Gone already is fine; not allowed shows when what it holds stays held.
        kill_process(pid, Signal::TERM).ok();
    }
}

/// Asks the Gateway that holds a state folder to stop, and waits until it has.
///
/// # Errors
/// When it still runs after five seconds.
pub async fn stop_holder(paths: &Paths) -> Result<(), DaemonError> {
    let Some(holder) = lock::holder(paths) else { return Ok(()) };
    terminate(i32::try_from(holder.pid).ok());
    let deadline = Instant::now() + FORCE_DEADLINE;
    let mut look = interval(Duration::from_millis(20));
    while lock::holder(paths).is_some() {
        if Instant::now() > deadline {
            return Err(DaemonError::Held { holder });
        }
        look.tick().await;
    }
    Ok(())
}
