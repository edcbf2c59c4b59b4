//! Skills: folders that tell models how to do something.

use crate::{
    ids::AgentId,
    macros::{names, params, record},
    methods::system::NoParams,
    row::{Since, methods},
    scope::Role,
    text::NonEmpty,
};

names! {
    /// Where a skill is kept.
    SkillSource = Workspace {
        /// In the agent's workspace.
        Workspace = "openclaw-workspace",
        /// Beside the workspaces, for all agents.
        Managed = "openclaw-managed",
        /// In a folder of `skills.load.extraDirs`.
        Extra = "openclaw-extra",
    }
}

params! {
    /// Params of `skills.status`.
    #[derive(Default)]
    SkillsStatusParams {
        /// The agent; the default one when left out.
        agent_id?: NonEmpty,
        /// As this session sees them.
        session_key?: NonEmpty,
    }
}

record! {
    /// Result of `skills.status`.
    SkillsStatusResult {
        /// The agent.
        agent_id: AgentId,
        /// Its folder.
        workspace_dir: String,
        /// The folder of the skills that all agents share.
        managed_skills_dir: String,
        /// The skills, by name.
        skills: Vec<SkillStatus>,
    }

    /// Result of `skills.bins`.
    SkillsBinsResult {
        /// Names of programs, sorted.
        bins: Vec<String>,
    }

    /// A skill.
    SkillStatus {
        /// Its name.
        name: String,
        /// When to use it.
        description: String,
        /// Where it is kept.
        source: SkillSource,
        /// Whether it came with the Gateway; none does.
        bundled: bool,
        /// Its `SKILL.md`.
        file_path: String,
        /// Its folder.
        base_dir: String,
        /// The name it is switched on and off by.
        skill_key: String,
        /// The variable that holds its key.
        primary_env?: String,
        /// A picture character.
        emoji?: String,
        /// Its home page.
        homepage?: String,
        /// Whether it is used whatever is missing.
        always: bool,
        /// Whether its owner switched it off.
        disabled: bool,
        /// Whether a list of allowed skills leaves it out; there is none.
        blocked_by_allowlist: bool,
        /// Whether the agent's own list leaves it out; there is none.
        blocked_by_agent_filter: bool,
        /// Whether it can be used here.
        eligible: bool,
        /// Whether it is for other systems.
        platform_incompatible: bool,
        /// Whether models are told of it.
        model_visible: bool,
        /// Whether people can call it by name; not yet.
        user_invocable: bool,
        /// Whether it is among the slash commands; not yet.
        command_visible: bool,
        /// What it needs.
        requirements: SkillNeeds,
        /// What of that is not there.
        missing: SkillNeeds,
        /// Which keys of the configuration it needs, and whether they are set.
        config_checks: Vec<SkillConfigCheck>,
        /// How what it needs is installed.
        install: Vec<SkillInstall>,
    }

    /// What a skill needs.
    SkillNeeds {
        /// These programs.
        bins: Vec<String>,
        /// Any of these programs.
        any_bins: Vec<String>,
        /// These variables.
        env: Vec<String>,
        /// These keys of the configuration.
        config: Vec<String>,
        /// One of these systems.
        os: Vec<String>,
    }

    /// A key of the configuration that a skill needs.
    SkillConfigCheck {
        /// The key.
        path: String,
        /// Whether it is set.
        satisfied: bool,
    }

    /// One way to install what a skill needs.
    SkillInstall {
        /// Its id.
        id: String,
        /// With what.
        kind: String,
        /// For people.
        label: String,
        /// The programs it brings.
        bins: Vec<String>,
    }
}

methods! {
    /// Lists the skills, and what keeps them from being used.
    SkillsStatus = "skills.status", Read, SkillsStatusParams => SkillsStatusResult
        { since: Since::V3 };
    /// The programs that skills need, for nodes whose approvals let those run (`autoAllowSkills`).
    SkillsBins = "skills.bins", Write, NoParams => SkillsBinsResult
        { role: Role::Node, since: Since::V3 };
}
