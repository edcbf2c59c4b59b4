//! Skills: folders with a `SKILL.md` that tells a model how to do something.
//!
//! They are read as they stand: those of the workspace, then those that the owner keeps for all agents, then
//! those of the folders that the configuration names. The file begins with a block of `key: value` lines; what it needs stands under `metadata`, as JSON.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::Value;

mod front;

/// Skills of one folder that are looked at.
const MAX_SKILLS: usize = 300;
/// Bytes of a `SKILL.md` that are read.
const MAX_FILE: u64 = 256 * 1024;
/// Characters of the list in the prompt.
const MAX_LIST: usize = 12_000;

/// Where skills are, and what they may find.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SkillSettings {
    /// The folder of those that all agents share.
    pub managed: Option<PathBuf>,
    /// More folders of skills; of two with one name the one that stands later here counts.
    pub extra: Vec<PathBuf>,
    /// Where programs are looked for, as in `PATH`.
    pub search: String,
    /// The names of the variables that are set.
    pub variables: BTreeSet<String>,
    /// The configuration, for what a skill wants to be set in it.
    pub config: Arc<Value>,
    /// Those that were switched on or off, by their key.
    pub enabled: BTreeMap<String, bool>,
}

/// Where a skill is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkillSource {
    /// In the agent's workspace.
    Workspace,
    /// Beside the workspaces, for all agents.
    Managed,
    /// In a folder that the configuration names.
    Extra,
}

/// One skill.
#[derive(Clone, Debug, PartialEq)]
pub struct Skill {
    /// Its name.
    pub name: String,
    /// When to use it.
    pub description: String,
    /// Where it is kept.
    pub source: SkillSource,
    /// Its `SKILL.md`.
    pub file: PathBuf,
    /// Its folder.
    pub folder: PathBuf,
    /// Its home page.
    pub homepage: Option<String>,
    /// What it says of itself for programs.
    pub about: About,
    /// Whether its owner switched it off.
    pub disabled: bool,
    /// What it needs and does not find.
    pub missing: Needs,
}

/// What a skill says of itself for programs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct About {
    /// The name it is switched on and off by.
    pub skill_key: Option<String>,
    /// The variable that holds its key.
    pub primary_env: Option<String>,
    /// A picture character.
    pub emoji: Option<String>,
    /// Its home page.
    pub homepage: Option<String>,
    /// Whether it is used whatever is missing.
    pub always: bool,
    /// The systems it works on, as `linux` or `darwin`; all when empty.
    pub os: Vec<String>,
    /// What else it needs.
    pub requires: Needs,
    /// How what it needs is installed.
    pub install: Vec<Install>,
}

/// What a skill needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Needs {
    /// These programs.
    pub bins: Vec<String>,
    /// Any of these programs.
    pub any_bins: Vec<String>,
    /// These variables.
    pub env: Vec<String>,
    /// These keys of the configuration.
    pub config: Vec<String>,
    /// One of these systems.
    #[serde(skip)]
    pub os: Vec<String>,
}

/// One way to install what a skill needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Install {
    /// Its id.
    pub id: Option<String>,
    /// With what, as `brew`.
    pub kind: String,
    /// For people.
    pub label: Option<String>,
    /// The programs it brings.
    pub bins: Vec<String>,
}

impl Needs {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Skill {
    /// The name it is switched on and off by.
    #[must_use]
    pub fn key(&self) -> &str {
        self.about.skill_key.as_deref().unwrap_or(&self.name)
    }

    /// Whether it can be used here.
    #[must_use]
    pub fn eligible(&self) -> bool {
        !self.disabled
            && (self.missing.is_empty() || (self.about.always && self.missing.os.is_empty()))
    }
}

impl SkillSettings {
    /// The folders of skills that stand outside of the workspaces. Files in them may be read, not written.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &Path> {
        self.extra.iter().chain(&self.managed).map(PathBuf::as_path)
    }

    fn missing(&self, about: &About) -> Needs {
        let found = |program: &String| {
            openclaw_exec::run::find_program(program, Path::new("/"), &self.search).is_some()
        };
        let without = |list: &[String], there: &dyn Fn(&String) -> bool| -> Vec<String> {
            list.iter().filter(|one| !there(one)).cloned().collect()
        };
        let needs = &about.requires;
        let any = needs.any_bins.is_empty() || needs.any_bins.iter().any(found);
        let here = about.os.is_empty() || about.os.iter().any(|os| os == system());
        Needs {
            bins: without(&needs.bins, &found),
            any_bins: if any { Vec::new() } else { needs.any_bins.clone() },
            env: without(&needs.env, &|name| self.variables.contains(name)),
            config: without(&needs.config, &|path| self.is_set(path)),
            os: if here { Vec::new() } else { about.os.clone() },
        }
    }

    /// Whether a key of the configuration holds something.
    #[must_use]
    pub fn is_set(&self, path: &str) -> bool {
        let found = path.split('.').try_fold(self.config.as_ref(), |value, key| value.get(key));
        match found {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(_) => true,
        }
    }
}

/// The name that skills know this system by.
fn system() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// All skills, by name; of two with one name that of the workspace counts, then that of all agents.
/// Blocking.
#[must_use]
pub fn scan(settings: &SkillSettings, workspace: Option<&Path>) -> Vec<Skill> {
    let extra = settings.extra.iter().map(|folder| (SkillSource::Extra, folder.clone()));
    let managed = settings.managed.iter().map(|folder| (SkillSource::Managed, folder.clone()));
    let own = workspace.map(|folder| (SkillSource::Workspace, folder.join("skills")));
    let mut skills = BTreeMap::new();
    for (source, folder) in extra.chain(managed).chain(own) {
        for skill in folder_of(settings, source, &folder) {
            skills.insert(skill.name.clone(), skill);
        }
    }
    skills.into_values().collect()
}

fn folder_of(settings: &SkillSettings, source: SkillSource, folder: &Path) -> Vec<Skill> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    if folders.len() > MAX_SKILLS {
        tracing::warn!(folder = %folder.display(), "too many skills, the last ones are left out");
    }
    let folders = folders.into_iter().take(MAX_SKILLS);
    folders.filter_map(|folder| one(settings, source, folder)).collect()
}

fn one(settings: &SkillSettings, source: SkillSource, folder: PathBuf) -> Option<Skill> {
    let file = folder.join("SKILL.md");
    let text = String::from_utf8(openclaw_base::fs::read_limited(&file, MAX_FILE).ok()?).ok()?;
    let front = front::read(&text)?;
    let field = |name: &str| front.get(name).map(|text| front::plain(text));
    let fallback = folder.file_name()?.to_string_lossy().into_owned();
    let name = field("name").filter(|name| !name.is_empty()).unwrap_or(fallback);
    let about = front.get("metadata").map(|text| front::about(text)).unwrap_or_default();
    let mut skill = Skill {
        description: field("description").unwrap_or_default(),
        homepage: field("homepage").or_else(|| about.homepage.clone()),
        source,
        file,
        folder,
        disabled: false,
        missing: settings.missing(&about),
        about,
        name,
    };
    skill.disabled = settings.enabled.get(skill.key()) == Some(&false);
    Some(skill)
}

/// The list that models are given, if there is anything to list.
pub(crate) fn list(skills: &[Skill]) -> Option<String> {
    let shown: Vec<&Skill> = skills.iter().filter(|skill| skill.eligible()).collect();
    let mut text = String::new();
    let mut length = 0;
    for (place, skill) in shown.iter().enumerate() {
        let line = format!("\n- {}: {} ({})", skill.name, skill.description, skill.file.display());
        length += line.chars().count();
        if length > MAX_LIST {
            text.push_str(&format!("\n[{} more skills left out]", shown.len() - place));
            break;
        }
        text.push_str(&line);
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
