use serde_json::json;

use super::*;

fn skill(folder: &Path, name: &str, text: &str) {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("SKILL.md"), text).unwrap();
}

fn settings(managed: &Path, extra: &[&Path]) -> SkillSettings {
    SkillSettings {
        managed: Some(managed.to_owned()),
        extra: extra.iter().map(|folder| (*folder).to_owned()).collect(),
        search: "/usr/bin:/bin".to_owned(),
        variables: ["HAVE".to_owned()].into(),
        config: Arc::new(json!({"channels": {"telegram": {"enabled": true, "token": ""}}})),
        enabled: [("off".to_owned(), false)].into(),
    }
}

#[test]
fn skills_are_read_with_what_they_need() {
    let place = tempfile::tempdir().unwrap();
    let (work, managed) = (place.path().join("work"), place.path().join("managed"));
    let own = work.join("skills");
    skill(&own, "plain", "---\nname: plain\ndescription: \"Says: hello\"\n---\nDo it.");
    skill(&own, "folded", "---\nname: folded\ndescription: >\n  one\n  two\n---\n");
    skill(
        &own,
        "needs",
        "---\nname: needs\ndescription: x\nmetadata:\n  {\n    \"openclaw\": { \"emoji\": \"🦀\", \"primaryEnv\": \"K\",\n    \"requires\": { \"bins\": [\"sh\", \"no-such-program\"], \"anyBins\": [\"sh\", \"nope\"], \
         \"env\": [\"HAVE\", \"MISSING\"], \"config\": [\"channels.telegram.enabled\", \"channels.telegram.token\"] },\n    \"install\": [{\"kind\": \"brew\", \"bins\": [\"x\"]}], }, \
         }\n---\n",
    );
    skill(
        &own,
        "elsewhere",
        "---\nname: elsewhere\nmetadata: {\"openclaw\": {\"os\": [\"plan9\"], \"always\": true}}\n---\n",
    );
    skill(
        &own,
        "always",
        "---\nname: always\nmetadata: {openclaw: {always: true, requires: {env: ['X']}}}\n---\n",
    );
    skill(&own, "off", "---\nname: off\n---\n");
    skill(&own, "nothing", "no block at all");
    skill(&own, "unfinished", "---\nname: unfinished\n");
    skill(&managed, "plain", "---\nname: plain\ndescription: shadowed\n---\n");
    skill(&managed, "shared", "---\ndescription: shared\nmetadata: {not json\n---\n");

    let (extra, later) = (place.path().join("extra"), place.path().join("later"));
    skill(&extra, "shared", "---\ndescription: shadowed too\n---\n");
    skill(&extra, "twice", "---\ndescription: first\n---\n");
    skill(&later, "twice", "---\ndescription: second\n---\n");

    let skills = scan(&settings(&managed, &[&extra, &later]), Some(&work));
    let names: Vec<_> = skills.iter().map(|skill| skill.name.as_str()).collect();
    assert_eq!(
        names,
        ["always", "elsewhere", "folded", "needs", "off", "plain", "shared", "twice"]
    );
    let named = |name: &str| skills.iter().find(|skill| skill.name == name).unwrap();
    assert_eq!(named("plain").description, "Says: hello");
    assert_eq!(named("folded").description, "one two");
    let needs = named("needs");
    assert_eq!(needs.about.emoji.as_deref(), Some("🦀"));
    assert_eq!(needs.missing.bins, ["no-such-program"]);
    assert!(needs.missing.any_bins.is_empty());
    assert_eq!(needs.missing.env, ["MISSING"]);
    assert_eq!(needs.missing.config, ["channels.telegram.token"]);
    assert!(!needs.eligible() && named("always").eligible());
    assert!(!named("elsewhere").eligible() && !named("off").eligible());
    assert!(named("shared").eligible() && named("shared").source == SkillSource::Managed);
    assert_eq!(
        (named("twice").source, &*named("twice").description),
        (SkillSource::Extra, "second")
    );

    let list = list(&skills).unwrap();
    assert!(list.contains("- plain: Says: hello (") && list.contains("skills/plain/SKILL.md"));
    for hidden in ["needs", "off", "elsewhere"] {
        assert!(!list.contains(&format!("- {hidden}:")), "{list}");
    }
}

#[test]
fn a_long_list_says_what_it_leaves_out() {
    let place = tempfile::tempdir().unwrap();
    for number in 0..100 {
        let text = format!("---\nname: s{number}\ndescription: {}\n---\n", "x".repeat(400));
        skill(&place.path().join("skills"), &format!("s{number}"), &text);
    }
    let skills = scan(&SkillSettings::default(), Some(place.path()));
    let list = list(&skills).unwrap();
    assert!(list.chars().count() < MAX_LIST + 100);
    assert!(list.ends_with("more skills left out]"), "{list}");
    assert!(scan(&SkillSettings::default(), None).is_empty());
}
