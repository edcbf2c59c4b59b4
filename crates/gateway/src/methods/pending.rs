//! Families that do nothing yet: answered truthfully with nothing, never advertised.

use openclaw_protocol::{
    list::OpenObject,
    methods::{pending::*, system::NoParams},
};

use crate::router::{Cx, Failure, Handle, Methods};

/// Page size of `cron.list` when nobody names one.
const CRON_PAGE: u64 = 50;

macro_rules! empty_lists {
    ($($row:ty),+) => {$(
        impl Handle<$row> for Methods {
            async fn handle(_: Cx, _: NoParams) -> Result<Vec<OpenObject>, Failure> {
                Ok(Vec::new())
            }
        }
    )+};
}
empty_lists!(PluginApprovalList, OpenclawApprovalList);

impl Handle<QuestionList> for Methods {
    async fn handle(_: Cx, _: NoParams) -> Result<QuestionListResult, Failure> {
        Ok(QuestionListResult::default())
    }
}

impl Handle<CronList> for Methods {
    async fn handle(_: Cx, params: CronListParams) -> Result<CronListResult, Failure> {
        Ok(CronListResult {
            offset: params.offset.map_or(0, |offset| offset.get()),
            limit: params.limit.map_or(CRON_PAGE, |limit| limit.get()),
            ..CronListResult::default()
        })
    }
}

impl Handle<TasksList> for Methods {
    async fn handle(_: Cx, _: TasksListParams) -> Result<TasksListResult, Failure> {
        Ok(TasksListResult::default())
    }
}

impl Handle<UsageStatus> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<UsageStatusResult, Failure> {
        Ok(UsageStatusResult { updated_at: cx.now_ms(), providers: Vec::new() })
    }
}
