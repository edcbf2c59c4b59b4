INSERT INTO sessions (
    session_key, agent_id, session_id, label, display_name, spawned_by,
    created_at_ms, updated_at_ms, last_interaction_at_ms, settings, extra,
    model_provider, model, input_tokens, output_tokens, total_tokens, total_tokens_fresh,
    cache_read_tokens, cache_write_tokens, context_tokens,
    system_sent, aborted_last_run, archived, pinned, unread
) VALUES (
    :key, :agent, :session, :label, :name, :spawned_by,
    :created, :updated, :interaction, :settings, :extra,
    :provider, :model, :input, :output, :total, :fresh,
    :cache_read, :cache_write, :context,
    :system_sent, :aborted, :archived, :pinned, :unread
)
ON CONFLICT (session_key) DO UPDATE SET
    session_id = excluded.session_id,
    label = excluded.label,
    display_name = excluded.display_name,
    spawned_by = excluded.spawned_by,
    updated_at_ms = excluded.updated_at_ms,
    last_interaction_at_ms = excluded.last_interaction_at_ms,
    settings = excluded.settings,
    extra = excluded.extra,
    model_provider = excluded.model_provider,
    model = excluded.model,
    input_tokens = excluded.input_tokens,
    output_tokens = excluded.output_tokens,
    total_tokens = excluded.total_tokens,
    total_tokens_fresh = excluded.total_tokens_fresh,
    cache_read_tokens = excluded.cache_read_tokens,
    cache_write_tokens = excluded.cache_write_tokens,
    context_tokens = excluded.context_tokens,
    system_sent = excluded.system_sent,
    aborted_last_run = excluded.aborted_last_run,
    archived = excluded.archived,
    pinned = excluded.pinned,
    unread = excluded.unread
