//! The Gateway about itself: health, status, presence, machine, logs, identity.

use openclaw_protocol::{ids::DeviceId, methods::system::*};

use crate::{
    router::{Cx, Failure, Handle, Methods},
    survey,
};

mod logs;
mod machine;
mod status;

impl Handle<Health> for Methods {
    async fn handle(cx: Cx, params: HealthParams) -> Result<HealthSnapshot, Failure> {
        if params.probe == Some(true) {
            return Ok(survey::refresh(&cx.state).await);
        }
        Ok(survey::snapshot(&cx.state).await)
    }
}

impl Handle<Status> for Methods {
    async fn handle(cx: Cx, _: StatusParams) -> Result<StatusSummary, Failure> {
        status::summary(&cx).await
    }
}

impl Handle<SystemPresence> for Methods {
    async fn handle(
        cx: Cx,
        _: NoParams,
    ) -> Result<Vec<openclaw_protocol::hello::PresenceEntry>, Failure> {
        Ok(cx.state.presence.list(cx.now_ms()))
    }
}

impl Handle<SystemInfo> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<SystemInfoResult, Failure> {
        Ok(machine::info(&cx))
    }
}

impl Handle<LogsTail> for Methods {
    async fn handle(cx: Cx, params: LogsTailParams) -> Result<LogsTailResult, Failure> {
        logs::tail(&cx, params).await
    }
}

impl Handle<LastHeartbeat> for Methods {
    async fn handle(_: Cx, _: NoParams) -> Result<Option<Heartbeat>, Failure> {
        Ok(None)
    }
}

impl Handle<UpdateStatus> for Methods {
    async fn handle(_: Cx, _: UpdateStatusParams) -> Result<UpdateStatusResult, Failure> {
        Ok(UpdateStatusResult::default())
    }
}

impl Handle<GatewayIdentityGet> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<GatewayIdentity, Failure> {
        Ok(GatewayIdentity {
            device_id: DeviceId::new(cx.state.public_key.device_id()),
            public_key: cx.state.public_key.to_base64url(),
        })
    }
}
