//! Families that are asked for by clients on start and do nothing yet: answered truthfully with
//! nothing, and not advertised until they work.

use serde_json::Value;

use crate::{
    list::{OneOrMany, OpenObject},
    macros::{names, params, record},
    methods::system::NoParams,
    row::{Since, methods},
    text::{Int, Int0, NonEmpty},
};

params! {
    /// Params of `cron.list`.
    #[derive(Default)]
    CronListParams {
        /// Whether switched-off jobs are listed.
        include_disabled?: bool,
        /// Most jobs.
        limit?: Int<1, 200>,
        /// How many to leave out.
        offset?: Int0,
        /// Text to look for.
        query?: String,
        /// Switched on or off.
        enabled?: CronEnabled,
        /// Kind of schedule.
        schedule_kind?: CronScheduleKind,
        /// How the last run ended.
        last_run_status?: CronRunStatus,
        /// Kind of trigger.
        trigger?: CronTrigger,
        /// Order.
        sort_by?: CronSort,
        /// Direction of the order.
        sort_dir?: SortDirection,
        /// Only this agent's.
        agent_id?: NonEmpty,
        /// Whether long fields are left out.
        compact?: bool,
        /// Whether each job says where its answer goes.
        include_delivery_previews?: bool,
    }

    /// Params of `tasks.list`.
    #[derive(Default)]
    TasksListParams {
        /// Only tasks in this state, or in one of these.
        status?: OneOrMany<TaskStatus>,
        /// Only this agent's.
        agent_id?: NonEmpty,
        /// Only this session's.
        session_key?: NonEmpty,
        /// Most tasks.
        limit?: Int<1, 500>,
        /// Where to go on.
        cursor?: String,
    }
}

names! {
    /// Filter of `cron.list`.
    CronEnabled {
        /// Any.
        All = "all",
        /// Switched on.
        Enabled = "enabled",
        /// Switched off.
        Disabled = "disabled",
    }

    /// Filter of `cron.list`.
    CronScheduleKind {
        /// Any.
        All = "all",
        /// Once.
        At = "at",
        /// At an interval.
        Every = "every",
        /// By a cron expression.
        Cron = "cron",
        /// When a command ends.
        OnExit = "on-exit",
        /// On lines of a command.
        Stream = "stream",
    }

    /// Filter of `cron.list`.
    CronRunStatus {
        /// Any.
        All = "all",
        /// It went well.
        Ok = "ok",
        /// It failed.
        Error = "error",
        /// It was left out.
        Skipped = "skipped",
        /// It never ran.
        Unknown = "unknown",
    }

    /// Filter of `cron.list`.
    CronTrigger {
        /// Any.
        All = "all",
        /// Runs only if a condition holds.
        Conditional = "conditional",
        /// Always runs.
        Unconditional = "unconditional",
    }

    /// Order of `cron.list`.
    CronSort {
        /// Next run.
        NextRunAtMs = "nextRunAtMs",
        /// Last change.
        UpdatedAtMs = "updatedAtMs",
        /// Name.
        Name = "name",
    }

    /// Direction of an order.
    SortDirection {
        /// Smallest first.
        Asc = "asc",
        /// Largest first.
        Desc = "desc",
    }

    /// State of a background task.
    TaskStatus {
        /// Waits.
        Queued = "queued",
        /// Runs.
        Running = "running",
        /// Ended well.
        Completed = "completed",
        /// Ended badly.
        Failed = "failed",
        /// Was stopped.
        Cancelled = "cancelled",
        /// Took too long.
        TimedOut = "timed_out",
    }
}

record! {
    /// Result of `question.list`.
    QuestionListResult {
        /// Open questions.
        questions: Vec<Value>,
    }

    /// Result of `cron.list`.
    CronListResult {
        /// Jobs.
        jobs: Vec<OpenObject>,
        /// How many there are.
        total: u64,
        /// How many were left out.
        offset: u64,
        /// Most jobs of this answer.
        limit: u64,
        /// Whether there are more.
        has_more: bool,
        /// Where to go on.
        next_offset: Option<u64>,
        /// Where each job's answer goes, by job id.
        delivery_previews: OpenObject,
    }

    /// Result of `tasks.list`.
    TasksListResult {
        /// Tasks.
        tasks: Vec<OpenObject>,
        /// Where to go on.
        next_cursor?: String,
    }

    /// Result of `usage.status`.
    UsageStatusResult {
        /// When, in milliseconds since 1970.
        updated_at: u64,
        /// Providers that report how much of a plan is used.
        providers: Vec<ProviderUsage>,
    }

    /// One provider's plan.
    ProviderUsage {
        /// The provider.
        provider: String,
        /// Its name for people.
        display_name: String,
        /// What is used.
        windows: Vec<UsageWindow>,
        /// The plan.
        plan?: String,
        /// Why nothing is known.
        error?: String,
    }

    /// How much of a plan is used.
    UsageWindow {
        /// Which window.
        label: String,
        /// Share.
        used_percent: f64,
        /// When it starts anew, in milliseconds since 1970.
        reset_at?: u64,
    }
}

methods! {
    /// Plugin actions that wait for approval.
    PluginApprovalList = "plugin.approval.list", Approvals, NoParams => Vec<OpenObject>
        { advertised: false, since: Since::V4 };
    /// Changes of the Gateway itself that wait for approval.
    OpenclawApprovalList = "openclaw.approval.list", Approvals, NoParams => Vec<OpenObject>
        { advertised: false, since: Since::V4 };
    /// Questions of agents that wait for an answer.
    QuestionList = "question.list", Questions, NoParams => QuestionListResult
        { advertised: false, since: Since::V4 };
    /// Scheduled jobs.
    CronList = "cron.list", Read, CronListParams => CronListResult { advertised: false };
    /// Background tasks.
    TasksList = "tasks.list", Read, TasksListParams => TasksListResult
        { advertised: false, since: Since::V4 };
    /// How much of the providers' plans is used.
    UsageStatus = "usage.status", Read, NoParams => UsageStatusResult { advertised: false };
}
