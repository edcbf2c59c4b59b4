//! Samples made from a schema: the least that is valid, everything at once, and what lies just inside
//! and just outside of each limit. Works on the contract's schemas and on those of our own types.

use serde_json::{Map, Value, json};

/// A schema together with what its references point to.
#[derive(Clone, Copy)]
pub(crate) struct Schema<'a> {
    root: &'a Value,
    node: &'a Value,
    name: Option<&'a str>,
}

impl<'a> Schema<'a> {
    /// A whole schema.
    pub(crate) fn new(root: &'a Value) -> Self {
        Self { root, node: root, name: None }.resolved()
    }

    /// The schema itself.
    pub(crate) fn node(self) -> &'a Value {
        self.node
    }

    /// The name it is referred to by.
    pub(crate) fn name(self) -> Option<&'a str> {
        self.name
    }

    fn at(self, node: &'a Value) -> Self {
        Self { root: self.root, node, name: None }.resolved()
    }

    fn resolved(self) -> Self {
        match self.node.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let pointer = reference.trim_start_matches('#');
                let node = self.root.pointer(pointer).expect("a reference that leads somewhere");
                let name = reference.rsplit('/').next();
                Self { root: self.root, node, name }.resolved()
            }
            None => self,
        }
    }

    /// What the value may be, where there is a choice.
    pub(crate) fn choices(self) -> Vec<Self> {
        let list = ["anyOf", "oneOf"].iter().find_map(|key| self.node.get(*key)?.as_array());
        if let Some(list) = list {
            return list.iter().map(|choice| self.at(choice)).collect();
        }
        vec![]
    }

    /// The JSON types that are allowed.
    pub(crate) fn types(self) -> Vec<&'a str> {
        match self.node.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => vec![],
        }
    }

    /// Named properties.
    pub(crate) fn properties(self) -> Vec<(&'a str, Self)> {
        let properties = self.node.get("properties").and_then(Value::as_object);
        let properties = properties.into_iter().flatten();
        properties.map(|(name, schema)| (name.as_str(), self.at(schema))).collect()
    }

    /// Names of properties that must be there.
    pub(crate) fn required(self) -> Vec<&'a str> {
        let required = self.node.get("required").and_then(Value::as_array);
        required.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The items of a list.
    pub(crate) fn items(self) -> Option<Self> {
        Some(self.at(self.node.get("items")?))
    }

    /// The values of a map with free keys.
    pub(crate) fn values(self) -> Option<Self> {
        let by_pattern = self.node.get("patternProperties").and_then(Value::as_object);
        let by_pattern = by_pattern.and_then(|patterns| patterns.values().next());
        let rest = self.node.get("additionalProperties").filter(|rest| rest.is_object());
        by_pattern.or(rest).map(|schema| self.at(schema))
    }

    /// Whether nothing is said about the value.
    pub(crate) fn is_open(self) -> bool {
        let says_nothing = self.types().is_empty()
            && self.choices().is_empty()
            && self.node.get("const").is_none()
            && self.node.get("enum").is_none();
        says_nothing || (self.types() == ["object"] && self.is_open_object())
    }

    fn is_open_object(self) -> bool {
        self.properties().is_empty() && self.values().is_none_or(Self::is_open)
    }

    fn number(self, key: &str) -> Option<i64> {
        let number = self.node.get(key)?;
        number.as_i64().or_else(|| number.as_u64().map(|_| i64::MAX))
    }

    fn size(self, key: &str) -> Option<usize> {
        self.number(key).and_then(|size| usize::try_from(size).ok())
    }
}

/// The least value that is valid.
pub(crate) fn least(schema: Schema<'_>) -> Value {
    make(schema, false)
}

fn make(schema: Schema<'_>, full: bool) -> Value {
    if let Some(value) = schema.node().get("const") {
        return value.clone();
    }
    if let Some(values) = schema.node().get("enum").and_then(Value::as_array) {
        return values.first().cloned().expect("an enumeration has values");
    }
    if let Some(first) = schema.choices().first() {
        return make(*first, full);
    }
    match schema.types().first().copied() {
        Some("object") => object(schema, full),
        Some("array") => array(schema, full),
        Some("string") => Value::from(text(schema)),
        Some("integer" | "number") => Value::from(integer(schema)),
        Some("boolean") => Value::from(true),
        Some("null") => Value::Null,
        _ => json!({}),
    }
}

fn object(schema: Schema<'_>, full: bool) -> Value {
    let required = schema.required();
    let mut fields: Map<String, Value> = schema
        .properties()
        .into_iter()
        .filter(|(name, _)| full || required.contains(name))
        .map(|(name, schema)| (name.to_owned(), make(schema, full)))
        .collect();
    if let Some(values) = schema.values().filter(|values| full && !values.is_open()) {
        fields.insert("some-key".to_owned(), make(values, full));
    }
    Value::Object(fields)
}

fn array(schema: Schema<'_>, full: bool) -> Value {
    let Some(items) = schema.items() else { return json!([]) };
    let wanted = if full && !items.is_open() { 1 } else { 0 };
    let length = schema.size("minItems").unwrap_or(0).max(wanted);
    Value::Array(vec![make(items, full); length])
}

/// Text of the smallest length; the letter fits every pattern of the contract.
fn text(schema: Schema<'_>) -> String {
    "a".repeat(schema.size("minLength").unwrap_or(1).max(1))
}

/// 200 where it is allowed: a plausible status, port, and count.
fn integer(schema: Schema<'_>) -> i64 {
    let least = schema.number("minimum").unwrap_or(i64::MIN);
    let most = schema.number("maximum").unwrap_or(i64::MAX);
    200.clamp(least, most)
}

/// Values inside and outside of what the schema allows.
pub(crate) fn candidates(schema: Schema<'_>) -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!(false),
        json!(7),
        json!(-1),
        json!(1.5),
        json!("text"),
        json!(""),
        json!([]),
        json!({}),
    ];
    add(schema, &mut values);
    values
}

fn add(schema: Schema<'_>, values: &mut Vec<Value>) {
    values.extend(schema.node().get("const").cloned());
    values
        .extend(schema.node().get("enum").and_then(Value::as_array).cloned().into_iter().flatten());
    for choice in schema.choices() {
        add(choice, values);
    }
    for name in schema.types() {
        match name {
            "object" => objects(schema, values),
            "array" => arrays(schema, values),
            "string" => texts(schema, values),
            "integer" | "number" => numbers(schema, values),
            _ => {}
        }
    }
}

fn texts(schema: Schema<'_>, values: &mut Vec<Value>) {
    let mut lengths = vec![1];
    for limit in ["minLength", "maxLength"] {
        let limit = schema.size(limit).into_iter();
        lengths.extend(limit.flat_map(|at| [at.saturating_sub(1), at, at + 1]));
    }
    values.extend(lengths.into_iter().map(|length| Value::from("a".repeat(length))));
    if schema.node().get("pattern").is_some() {
        values.extend(["A", "a b", "-", "ä", "a.b[0]", "0-a"].map(Value::from));
    }
}

fn numbers(schema: Schema<'_>, values: &mut Vec<Value>) {
    for limit in ["minimum", "maximum"] {
        let limit = schema.number(limit).filter(|at| *at < i64::MAX).into_iter();
        values.extend(limit.flat_map(|at| [at - 1, at, at + 1]).map(Value::from));
    }
    values.push(json!(3.0));
}

fn arrays(schema: Schema<'_>, values: &mut Vec<Value>) {
    let Some(items) = schema.items() else { return };
    let good = least(items);
    let mut lengths = vec![1];
    for limit in ["minItems", "maxItems"] {
        let limit = schema.size(limit).into_iter();
        lengths.extend(limit.flat_map(|at| [at.saturating_sub(1), at, at + 1]));
    }
    let distinct = |length: usize| (0..length).map(|at| Value::from(format!("a{at}")));
    for length in lengths {
        values.push(Value::Array(vec![good.clone(); length]));
        if good.is_string() {
            values.push(distinct(length).collect());
        }
    }
    values.extend(candidates(items).into_iter().map(|item| json!([item])));
}

fn objects(schema: Schema<'_>, values: &mut Vec<Value>) {
    let least = least(schema);
    values.push(least.clone());
    for name in schema.required() {
        let mut without = least.clone();
        without.as_object_mut().map(|fields| fields.remove(name));
        values.push(without);
    }
    for (name, property) in schema.properties() {
        for value in candidates(property) {
            values.push(with(&least, name, value));
        }
    }
    if let Some(inner) = schema.values() {
        values.extend(candidates(inner).into_iter().map(|value| with(&least, "some-key", value)));
    }
    if let Some(most) = schema.size("maxProperties") {
        let filled = |length: usize| (0..length).map(|at| (format!("k{at}"), json!(1))).collect();
        values.extend([most, most + 1].map(|length| Value::Object(filled(length))));
    }
}

/// An object with one property set.
pub(crate) fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
    object
}

/// Valid values: the least, everything, and everything with each choice taken once.
pub(crate) fn variants(schema: Schema<'_>) -> Vec<Value> {
    let choices = schema.choices();
    if !choices.is_empty() {
        return choices.into_iter().flat_map(variants).collect();
    }
    if let Some(values) = schema.node().get("enum").and_then(Value::as_array) {
        return values.clone();
    }
    if schema.node().get("const").is_some() {
        return vec![least(schema)];
    }
    schema.types().into_iter().flat_map(|name| variants_of_type(schema, name)).collect()
}

fn variants_of_type(schema: Schema<'_>, name: &str) -> Vec<Value> {
    match name {
        "null" => vec![Value::Null],
        "object" => {
            let everything = object(schema, true);
            let mut values = vec![object(schema, false), everything.clone()];
            for (name, property) in schema.properties() {
                let inner = variants(property).into_iter();
                values.extend(inner.map(|value| with(&everything, name, value)));
            }
            values
        }
        "array" => {
            let items = schema.items().filter(|items| !items.is_open());
            let length = schema.size("minItems").unwrap_or(1).max(1);
            let inner = items.into_iter().flat_map(variants);
            inner
                .map(|value| Value::Array(vec![value; length]))
                .chain([array(schema, false)])
                .collect()
        }
        _ => vec![least(schema)],
    }
}
