//! `openclaw remote list`, `show` and `remove`.

use clap::Args;
use openclaw_client::SavedFile;
use openclaw_remote::{How, NamedGateway, SshTarget, Via};
use serde_json::{Value, json};

use crate::args::OutputArgs;
use crate::commands::Outcome;
use crate::context::Context;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{Table, clock, short_id};
use crate::target::{book, name_failure};

/// All of them.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// One of them.
#[derive(Args, Debug)]
pub(crate) struct NameArgs {
    /// Name of the Gateway
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Lists them, and says which is in use.
pub(crate) fn list(context: &Context, _args: &ListArgs) -> Outcome {
    let book = book(context);
    let gateways = book.list().map_err(|error| name_failure(&error))?;
    let current = book.current().map_err(|error| name_failure(&error))?;
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&json!({ "gateways": gateways, "current": current }))?;
        return Ok(ExitCode::Done);
    }
    if gateways.is_empty() {
        printer.line("no Gateway has a name yet")?;
        printer.hint("openclaw remote add me@server");
        return Ok(ExitCode::Done);
    }
    let mut table = Table::new(["NAME", "ADDRESS", "BY", "IN USE"]);
    for gateway in &gateways {
        let in_use = current.as_deref() == Some(gateway.name.as_str());
        table.row([
            gateway.name.clone(),
            gateway.address(),
            by(gateway).to_owned(),
            if in_use { "yes" } else { "" }.to_owned(),
        ]);
    }
    printer.table(&table)?;
    Ok(ExitCode::Done)
}

/// Shows one, with the key it must show.
pub(crate) fn show(context: &Context, args: &NameArgs) -> Outcome {
    let gateway = book(context).load(&args.name).map_err(|error| name_failure(&error))?;
    let key = match saved(context, &gateway) {
        Some(file) => {
            let saved = file.load().map_err(|error| {
                Failure::local(format!("{} cannot be read", file.path().display()), &error)
            })?;
            saved.key.map(|key| key.device_id())
        }
        None => None,
    };
    let printer = context.printer;
    if printer.is_json() {
        let mut report = json!(gateway);
        if let Value::Object(map) = &mut report {
            map.insert("gatewayId".to_owned(), json!(key));
        }
        printer.json(&report)?;
        return Ok(ExitCode::Done);
    }
    let key =
        key.map_or_else(|| "none: it cannot prove who it is".to_owned(), |key| short_id(&key));
    let mut fields = vec![
        ("Name", gateway.name.clone()),
        ("Address", gateway.address()),
        ("By", by(&gateway).to_owned()),
        ("Key", key),
        ("Added", clock(gateway.created_at_ms)),
    ];
    if let How::Ssh { identity: Some(identity), .. } = &gateway.how {
        fields.push(("Identity", identity.display().to_string()));
    }
    if let How::Url { tls_fingerprint: Some(fingerprint), .. } = &gateway.how {
        fields.push(("Certificate", fingerprint.clone()));
    }
    if let Some(port) = gateway.local_port {
        fields.push(("Browser port", format!("127.0.0.1:{port} while its tunnel is up")));
    }
    printer.fields(&fields)?;
    Ok(ExitCode::Done)
}

/// Forgets one, and everything that was saved for its endpoint.
pub(crate) fn remove(context: &Context, args: &NameArgs) -> Outcome {
    forget(context, &args.name)?;
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&json!({ "ok": true, "removed": args.name }))?;
    } else {
        printer.line(format!("forgot {}", args.name))?;
        printer.hint("to end its access there too: openclaw devices list, devices remove");
    }
    Ok(ExitCode::Done)
}

/// The same without a word.
pub(super) fn forget(context: &Context, name: &str) -> Result<(), Failure> {
    let book = book(context);
    let gateway = book.load(name).map_err(|error| name_failure(&error))?;
    book.remove(name).map_err(|error| name_failure(&error))?;
    // Another name may lead to the same endpoint and still needs it.
    let others = book.list().map_err(|error| name_failure(&error))?;
    if let Some(file) = saved(context, &gateway)
        && !others.iter().any(|other| saved(context, other).as_ref() == Some(&file))
    {
        file.forget().map_err(|error| {
            Failure::local(format!("{} cannot be removed", file.path().display()), &error)
        })?;
    }
    Ok(())
}

const fn by(gateway: &NamedGateway) -> &'static str {
    match &gateway.how {
        How::Url { .. } => "address",
        How::Ssh { via: Via::Door { .. }, .. } => "ssh, the owner's door",
        How::Ssh { via: Via::Port(_), .. } => "ssh, the Gateway's port",
    }
}

/// Where the Gateway's key and tokens are kept.
fn saved(context: &Context, gateway: &NamedGateway) -> Option<SavedFile> {
    let target = match &gateway.how {
        How::Url { url, .. } => openclaw_client::TcpDial::parse(url, true)
            .ok()
            .map(|dial| openclaw_client::Dial::target(&dial))?,
        How::Ssh { target, via, .. } => openclaw_client::Target::Ssh {
            host: SshTarget::parse(target).ok()?.to_string(),
            remote_port: match via {
                Via::Door { .. } => None,
                Via::Port(port) => Some(*port),
            },
        },
    };
    Some(SavedFile::of(&context.paths.gateways_dir(), &target))
}
