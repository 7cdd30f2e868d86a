using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Personalize.Content;
using Orleans.Personalize.Diagnostics;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Sending;

namespace Orleans.Personalize.Registry;

/// <summary>A workspace's triggers, templates, senders and slots, compiled, as this silo knows them: at most a moment behind the registry.</summary>
public sealed class Catalog(string workspace, IEnumerable<ISenderFactory> factories, ILogger logger)
{
    private volatile Contents contents = new(-1, TriggerSet.Empty, [], [], []);

    public TriggerSet Triggers => contents.Triggers;

    /// <summary>The version of the registry it is made from; −1 before the first.</summary>
    public long Version => contents.Version;

    public Template? FindTemplate(string id) => contents.Templates.GetValueOrDefault(id)?.Made;

    public ConfiguredSender? FindSender(string id) => contents.Senders.GetValueOrDefault(id)?.Made;

    public (long Version, Slot Slot)? FindSlot(string id) => contents.Slots.GetValueOrDefault(id) is { } found ? (found.Version, found.Made) : null;

    public void Replace(RegistrySnapshot snapshot)
    {
        var before = contents;
        contents = new(
            snapshot.Version,
            new TriggerSet(
                snapshot.Documents.Where(static document => document.Kind == RegistryKind.Trigger).Select(Compile).OfType<Trigger>(),
                snapshot.Documents.Where(static document => document.Kind == RegistryKind.Policy).Select(PolicyOf).OfType<Policy>()),
            MakeTemplates(snapshot, before.Templates),
            Make(snapshot, RegistryKind.Sender, before.Senders, MakeSender),
            Make(snapshot, RegistryKind.Slot, before.Slots, static (_, json) => Slot.Parse(json).Slot));
    }

    private Dictionary<string, Entry<Template>> MakeTemplates(RegistrySnapshot snapshot, Dictionary<string, Entry<Template>> before)
    {
        var documents = snapshot.Documents.Where(static document => document.Kind == RegistryKind.Template).ToDictionary(static document => document.Id);
        // One that includes what has changed has changed, too.
        bool IsSame(string id) => before.GetValueOrDefault(id)?.Version == documents.GetValueOrDefault(id)?.Version;
        var kept = before.Where(entry => entry.Value.Made is { Fault: null, Uses: var uses } && uses.All(IsSame)).ToDictionary();
        return Make(snapshot, RegistryKind.Template, kept, (id, json) =>
        {
            try
            {
                return Template.Compile(json, id, other => Parse(documents.GetValueOrDefault(other)));
            }
            catch (TemplateException fault)
            {
                logger.DocumentUnusable(workspace, RegistryKind.Template, id, fault.Message);
                return Template.Broken(fault.Message);
            }
        });
    }

    private static JsonElement? Parse(RegistryDocument? document) => document is null ? null : JsonElement.Parse(document.Document.Span);

    private Trigger? Compile(RegistryDocument document)
    {
        var (trigger, errors) = TriggerParser.Parse(document.Id, document.Version, document.Document);
        if (trigger is null)
            logger.DocumentUnusable(workspace, document.Kind, document.Id, errors[0].Pointer + " " + errors[0].Detail);
        return trigger;
    }

    private static Policy? PolicyOf(RegistryDocument document)
    {
        using var json = JsonDocument.Parse(document.Document.Utf8);
        return Policy.Parse(document.Id, json.RootElement).Policy;
    }

    private ConfiguredSender? MakeSender(string id, JsonElement document)
    {
        var type = document.GetProperty("type").GetString()!;
        var factory = factories.FirstOrDefault(factory => factory.Type == type);
        return factory is null ? null : new(type, SenderTerms.Of(new(document, "", []), factory), factory.Create(workspace, id, document));
    }

    private Dictionary<string, Entry<T>> Make<T>(
        RegistrySnapshot snapshot, string kind, Dictionary<string, Entry<T>> before, Func<string, JsonElement, T?> make)
        where T : class
    {
        var made = new Dictionary<string, Entry<T>>();
        foreach (var document in snapshot.Documents.Where(document => document.Kind == kind))
        {
            // What has not changed is kept: a sender holds connections.
            if (before.TryGetValue(document.Id, out var known) && known.Version == document.Version)
            {
                made.Add(document.Id, known);
                continue;
            }
            try
            {
                using var json = JsonDocument.Parse(document.Document.Utf8);
                if (make(document.Id, json.RootElement.Clone()) is { } value)
                    made.Add(document.Id, new(document.Version, value));
                else
                    logger.DocumentUnusable(workspace, kind, document.Id, "its type is not known to this silo");
            }
            catch (Exception failure)
            {
                logger.DocumentUnusable(workspace, kind, document.Id, failure.Message);
            }
        }
        return made;
    }

    private sealed record Contents(
        long Version,
        TriggerSet Triggers,
        Dictionary<string, Entry<Template>> Templates,
        Dictionary<string, Entry<ConfiguredSender>> Senders,
        Dictionary<string, Entry<Slot>> Slots);

    private sealed record Entry<T>(long Version, T Made);
}

public sealed record ConfiguredSender(string Type, SenderTerms Terms, ISender Sender);

/// <summary>The catalogs of the workspaces that this silo has met, each kept up to date by following its registry.</summary>
public sealed class Catalogs(
    IGrainFactory grains,
    IEnumerable<ISenderFactory> factories,
    TimeProvider clock,
    TaskScheduler scheduler,
    ILogger<Catalogs> logger,
    IHostApplicationLifetime? lifetime = null) : IDisposable
{
    /// <summary>After a registry did not answer. Well under the second within which a change is followed.</summary>
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentDictionary<string, Lazy<Task<Catalog>>> catalogs = new();
    /// <summary>While the process stops there is nobody left to ask, and what is known will do.</summary>
    private readonly CancellationTokenSource stopping = CancellationTokenSource.CreateLinkedTokenSource(lifetime?.ApplicationStopping ?? CancellationToken.None);

    /// <summary>The catalog of a workspace, loaded.</summary>
    /// <exception cref="Exception">The registry could not be read; the next call tries again.</exception>
    public async Task<Catalog> GetAsync(string workspace)
    {
        var loading = catalogs.GetOrAdd(workspace, name => new(() => OnScheduler(() => LoadAsync(name))));
        try
        {
            return await loading.Value;
        }
        catch
        {
            catalogs.TryRemove(KeyValuePair.Create(workspace, loading));
            throw;
        }
    }

    public void Dispose()
    {
        stopping.Cancel();
        stopping.Dispose();
    }

    private async Task<Catalog> LoadAsync(string workspace)
    {
        var catalog = new Catalog(workspace, factories, logger);
        var registry = grains.GetGrain<IRegistryGrain>(workspace);
        RegistrySnapshot? first;
        do
            first = await registry.Follow(-1);
        while (first is null);
        catalog.Replace(first);
        _ = OnScheduler(() => FollowAsync(registry, catalog, workspace));
        return catalog;
    }

    private async Task<bool> FollowAsync(IRegistryGrain registry, Catalog catalog, string workspace)
    {
        var stop = stopping.Token;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (await registry.Follow(catalog.Version) is { } changed)
                    catalog.Replace(changed);
            }
            catch (Exception failure) when (!stop.IsCancellationRequested)
            {
                logger.RegistryUnreachable(workspace, failure.Message);
                await Task.Delay(RetryPause, clock, CancellationToken.None);
            }
        }
        return true;
    }

    /// <summary>Off the scheduler of whichever grain asked first: the work outlives its activation.</summary>
    private Task<T> OnScheduler<T>(Func<Task<T>> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler).Unwrap();
}
