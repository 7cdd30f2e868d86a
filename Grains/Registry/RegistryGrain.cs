using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Sending;
using Orleans.Runtime;

namespace Orleans.Personalize.Registry;

/// <summary>The documents of a workspace. Followers hold a call open and are answered as soon as something changes.</summary>
public sealed class RegistryGrain(
    [PersistentState("registry", RegistryGrain.Storage)] IPersistentState<RegistryState> stored,
    IEnumerable<ISenderFactory> senders,
    IEnumerable<IDocumentRule> rules,
    TimeProvider clock,
    IHostApplicationLifetime? lifetime = null) : Grain, IRegistryGrain
{
    /// <summary>The name of the grain storage.</summary>
    public const string Storage = "personalize";

    /// <summary>More than any shop has triggers, few enough to send whole to every silo.</summary>
    internal const int DocumentsMax = 5_000;

    private const int DocumentBytesMax = 512 * 1024;

    /// <summary>Well under the calls' time-out.</summary>
    private static readonly TimeSpan FollowTime = TimeSpan.FromSeconds(10);

    /// <summary>The same while the process stops: that waits for calls under way.</summary>
    private static readonly TimeSpan FollowTimeAtStop = TimeSpan.FromMilliseconds(250);

    private readonly CancellationToken stopping = lifetime?.ApplicationStopping ?? CancellationToken.None;

    /// <summary>What is durable. While a write is under way the stored state is ahead of it, and reads interleave with writes.</summary>
    private RegistryState shown = null!;

    private TaskCompletionSource changed = new();

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        shown = stored.State;
        return Task.CompletedTask;
    }

    public Task<RegistryPut> Put(string kind, string id, JsonText document) => Edit(kind, id, document, new(null, "put"));

    public async Task<RegistryPut> Edit(string kind, string id, JsonText document, RegistryEdit edit)
    {
        var slot = Slot(kind, id);
        var known = stored.State.Documents.GetValueOrDefault(slot);
        if (!edit.IsFor(known?.Version ?? 0))
            return new(null, false, [], IsStale: true);
        if (Problems(kind, id, document, known is null) is { Length: > 0 } errors)
            return new(null, false, errors);
        if (known?.Document == document && (edit.Action == "put" || stored.State.History.GetValueOrDefault(slot) is [var last, ..] && last.Action == edit.Action))
            return new(known, false, []);
        var version = stored.State.LastVersions.GetValueOrDefault(slot) + 1;
        var put = new RegistryDocument(kind, id, version, clock.GetUtcNow(), document);
        await Write(state =>
        {
            state.Documents[slot] = put;
            state.LastVersions[slot] = version;
            RegistryHistory.Note(state, slot, known, new(version, put.UpdatedAt, edit.Action, edit.By, edit.Reason, default));
        });
        return new(put, known is null, []);
    }

    public Task<DocumentError[]> Check(string kind, string id, JsonText document) =>
        Task.FromResult(Problems(kind, id, document, isNew: !shown.Documents.ContainsKey(Slot(kind, id))));

    public async Task<bool> Delete(string kind, string id) => await Remove(kind, id, new(null, "delete")) == RegistryRemoval.Removed;

    public async Task<RegistryRemoval> Remove(string kind, string id, RegistryEdit edit)
    {
        var slot = Slot(kind, id);
        var known = stored.State.Documents.GetValueOrDefault(slot);
        if (!edit.IsFor(known?.Version ?? 0))
            return RegistryRemoval.Stale;
        if (known is null)
            return RegistryRemoval.Missing;
        if (kind == RegistryKind.Template && Users(id) is { Length: > 0 } users)
            throw new DocumentInUseException(users);
        await Write(state =>
        {
            state.Documents.Remove(slot);
            RegistryHistory.Note(state, slot, known, new(known.Version, clock.GetUtcNow(), edit.Action, edit.By, edit.Reason, default));
        });
        return RegistryRemoval.Removed;
    }

    public Task<RegistryVersion[]> History(string kind, string id) => Task.FromResult(RegistryHistory.Of(shown, Slot(kind, id)));

    public Task<RegistryDocument?> Get(string kind, string id) => Task.FromResult(shown.Documents.GetValueOrDefault(Slot(kind, id)));

    public Task<RegistryDocument[]> List(string kind) => Task.FromResult(Snapshot().Documents.Where(document => document.Kind == kind).ToArray());

    public async Task<RegistrySnapshot?> Follow(long version)
    {
        if (shown.Version <= version)
        {
            try
            {
                await (stopping.IsCancellationRequested
                    ? changed.Task.WaitAsync(FollowTimeAtStop, clock)
                    : changed.Task.WaitAsync(FollowTime, clock, stopping));
            }
            catch (Exception ended) when (ended is TimeoutException or OperationCanceledException)
            {
                return null;
            }
        }
        return shown.Version > version ? Snapshot() : null;
    }

    private RegistrySnapshot Snapshot() =>
        new(shown.Version, [.. shown.Documents.Values.OrderBy(static document => document.Id, StringComparer.Ordinal)]);

    /// <summary>Writes a changed copy and shows it when it is durable: a failed write has changed nothing.</summary>
    private async Task Write(Action<RegistryState> change)
    {
        var after = shown.Copy();
        change(after);
        after.Version++;
        try
        {
            await stored.ReplaceAsync(after, DeactivateOnIdle);
            shown = after;
        }
        finally
        {
            // Also after a failure: the deactivation would wait for the followers to run out of patience.
            var waiting = changed;
            changed = new();
            waiting.SetResult();
        }
    }

    private DocumentError[] Problems(string kind, string id, JsonText document, bool isNew)
    {
        if (document.Span.Length > DocumentBytesMax)
            return [new("", $"is larger than {DocumentBytesMax} bytes")];
        if (isNew && stored.State.Documents.Count >= DocumentsMax)
            return [new("", $"there are {DocumentsMax} documents already")];
        if (kind == RegistryKind.Trigger)
            return [.. TriggerParser.Parse(id, 1, document).Errors];
        try
        {
            using var json = JsonDocument.Parse(document.Utf8);
            return kind switch
            {
                RegistryKind.Template => TemplateProblems(id, json.RootElement),
                RegistryKind.Sender => SenderProblems(json.RootElement),
                RegistryKind.Policy => [.. Policy.Parse(id, json.RootElement).Errors],
                RegistryKind.Slot => [.. Content.Slot.Parse(json.RootElement).Errors],
                RegistryKind.Topic => [.. Topics.Validate(json.RootElement)],
                RegistryKind.Key => [],
                _ => rules.FirstOrDefault(rule => rule.Kind == kind) is { } rule
                    ? RuleProblems(rule, id, json.RootElement)
                    : [new("", $"'{kind}' is no kind of document")],
            };
        }
        catch (JsonException invalid)
        {
            return [new("", $"Not valid JSON: {invalid.Message}")];
        }
    }

    private DocumentError[] RuleProblems(IDocumentRule rule, string id, JsonElement document)
    {
        DocumentError[] errors = [.. rule.Validate(id, document)];
        return errors.Length == 0 && stored.State.Documents.GetValueOrDefault(Slot(rule.Kind, id)) is { } known
            ? [.. rule.ValidateChange(id, document, JsonElement.Parse(known.Document.Span))]
            : errors;
    }

    private DocumentError[] SenderProblems(JsonElement document)
    {
        if (document.ValueKind != JsonValueKind.Object)
            return [new("", "must be an object")];
        var type = document.TryGetProperty("type", out var member) && member.ValueKind == JsonValueKind.String ? member.GetString() : null;
        return senders.FirstOrDefault(factory => factory.Type == type) is { } factory
            ? [.. factory.Validate(document)]
            : [new("/type", $"must be one of {string.Join(", ", senders.Select(static factory => factory.Type).Order(StringComparer.Ordinal))}")];
    }

    private DocumentError[] TemplateProblems(string id, JsonElement document)
    {
        JsonElement? Find(string other) => other == id ? document : FindTemplate(other);

        var errors = Template.Validate(document, id, Find);
        if (errors.Count > 0)
            return [.. errors];
        // What includes it must still make sense.
        return [.. Users(id).SelectMany(user => Template.ValidateIncludes(FindTemplate(user)!.Value, user, Find).Take(1)
            .Select(error => new DocumentError("", $"would break the template '{user}', which uses it: {error.Detail}")))];
    }

    private JsonElement? FindTemplate(string id) =>
        stored.State.Documents.GetValueOrDefault(Slot(RegistryKind.Template, id)) is { } found ? JsonElement.Parse(found.Document.Span) : null;

    /// <summary>The templates that include a template, directly or not.</summary>
    private string[] Users(string id)
    {
        var templates = stored.State.Documents.Values.Where(static document => document.Kind == RegistryKind.Template).ToArray();
        var users = new SortedSet<string>(StringComparer.Ordinal);
        var open = new Queue<string>([id]);
        while (open.TryDequeue(out var used))
        {
            // A document that names the id holds it; most do not, and need not be read.
            var name = Encoding.UTF8.GetBytes(used);
            foreach (var document in templates.Where(document => document.Document.Span.IndexOf(name) >= 0))
            {
                if (document.Id != id && Template.References(JsonElement.Parse(document.Document.Span)).Contains(used) && users.Add(document.Id))
                    open.Enqueue(document.Id);
            }
        }
        return [.. users];
    }

    private static string Slot(string kind, string id) => $"{kind}/{id}";
}

[GenerateSerializer, Alias("RegistryState")]
public sealed class RegistryState
{
    [Id(0)] public long Version { get; set; }

    /// <summary>By kind/id.</summary>
    [Id(1)] public Dictionary<string, RegistryDocument> Documents { get; set; } = [];

    /// <summary>The newest version of each slot, also of deleted ones: facts refer to versions, so none is used twice.</summary>
    [Id(2)] public Dictionary<string, long> LastVersions { get; set; } = [];

    /// <summary>What was done to each slot, newest first.</summary>
    [Id(3)] public Dictionary<string, RegistryVersion[]> History { get; set; } = [];

    public RegistryState Copy() =>
        new() { Version = Version, Documents = new(Documents), LastVersions = new(LastVersions), History = new(History) };
}
