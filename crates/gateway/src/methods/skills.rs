//! Skills, as they stand on the disk.

use std::collections::BTreeSet;

use openclaw_agent::skills::{self, Needs, Skill, SkillSettings, SkillSource as Kept};
use openclaw_protocol::{
    RpcError,
    methods::{skills::*, system::NoParams},
};

use crate::{
    router::{Cx, Failure, Handle, Methods},
    shape::target::{Target, agent_or_default},
};

impl Handle<SkillsStatus> for Methods {
    async fn handle(cx: Cx, params: SkillsStatusParams) -> Result<SkillsStatusResult, Failure> {
        let agent = params.agent_id.as_deref();
        let agent_id = match params.session_key.as_deref() {
            Some(key) => Target::writable(&cx.state, key, agent)?.agent,
            None => agent_or_default(&cx.state, agent)?,
        };
        let settings = cx.state.agent.settings();
        let workspace = settings.profile(&agent_id).and_then(|agent| agent.workspace.clone());
        let (rules, folder) = (settings.skills.clone(), workspace.clone());
        let scan = move || {
            let found = skills::scan(&rules, folder.as_deref());
            found.iter().map(|skill| status(&rules, skill)).collect()
        };
        let skills = tokio::task::spawn_blocking(scan).await;
        let skills = skills.map_err(|error| RpcError::unavailable(error.to_string()))?;
        let shown = |folder: Option<std::path::PathBuf>| {
            folder.map(|folder| folder.display().to_string()).unwrap_or_default()
        };
        Ok(SkillsStatusResult {
            agent_id,
            workspace_dir: shown(workspace),
            managed_skills_dir: shown(settings.skills.managed.clone()),
            skills,
        })
    }
}

impl Handle<SkillsBins> for Methods {
    async fn handle(cx: Cx, _: NoParams) -> Result<SkillsBinsResult, Failure> {
        let settings = cx.state.agent.settings();
        let scan = move || {
            let mut bins = BTreeSet::new();
            for agent in &settings.agents {
                let found = skills::scan(&settings.skills, agent.workspace.as_deref());
                for skill in found.into_iter().filter(|skill| !skill.disabled) {
                    let needs = skill.about.requires;
                    bins.extend(needs.bins.into_iter().chain(needs.any_bins));
                    bins.extend(skill.about.install.into_iter().flat_map(|way| way.bins));
                }
            }
            bins.into_iter().filter(|bin| !bin.trim().is_empty()).collect()
        };
        let bins = tokio::task::spawn_blocking(scan).await;
        let bins = bins.map_err(|error| RpcError::unavailable(error.to_string()))?;
        Ok(SkillsBinsResult { bins })
    }
}

fn status(settings: &SkillSettings, skill: &Skill) -> SkillStatus {
    let about = &skill.about;
    let check =
        |path: &String| SkillConfigCheck { path: path.clone(), satisfied: settings.is_set(path) };
    let install = about.install.iter().enumerate().map(|(place, way)| SkillInstall {
        id: way.id.clone().unwrap_or_else(|| format!("{}-{place}", way.kind)),
        kind: way.kind.clone(),
        label: way.label.clone().unwrap_or_else(|| format!("Install with {}", way.kind)),
        bins: way.bins.clone(),
    });
    SkillStatus {
        name: skill.name.clone(),
        description: skill.description.clone(),
        source: match skill.source {
            Kept::Workspace => SkillSource::Workspace,
            Kept::Managed => SkillSource::Managed,
            Kept::Extra => SkillSource::Extra,
        },
        file_path: skill.file.display().to_string(),
        base_dir: skill.folder.display().to_string(),
        skill_key: skill.key().to_owned(),
        primary_env: about.primary_env.clone(),
        emoji: about.emoji.clone(),
        homepage: skill.homepage.clone(),
        always: about.always,
        disabled: skill.disabled,
        eligible: skill.eligible(),
        platform_incompatible: !skill.missing.os.is_empty(),
        model_visible: skill.eligible(),
        requirements: SkillNeeds { os: about.os.clone(), ..needs(&about.requires) },
        missing: needs(&skill.missing),
        config_checks: about.requires.config.iter().map(check).collect(),
        install: install.collect(),
        ..SkillStatus::default()
    }
}

fn needs(needs: &Needs) -> SkillNeeds {
    SkillNeeds {
        bins: needs.bins.clone(),
        any_bins: needs.any_bins.clone(),
        env: needs.env.clone(),
        config: needs.config.clone(),
        os: needs.os.clone(),
    }
}
