using Orleans.Hosting;
using Orleans.Personalize.Engine;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Sending;
using Orleans.Personalize.Testing;
using Orleans.Runtime;

namespace Orleans.Personalize.Simulation;

/// <summary>
/// A history in which ids turn out to be the same customer's: visitors who log in, and an operator who merges whom he likes, both ways round and in
/// chains, while disks fail and silos crash. When the weather has cleared, the books must balance as if all events of an id and its kin had been one customer's.
/// </summary>
internal sealed class MergeWorld
{
    private static readonly TimeSpan StormLength = TimeSpan.FromMinutes(3);
    private static readonly string[] Known = ["user-1", "user-2", "user-3"];
    private static readonly string[] Provisional = ["visitor-1", "visitor-2", "visitor-3", "email:ada@example.org"];

    private readonly Random random;
    private readonly VirtualTime time;
    private readonly Ledger ledger = new(new InMemoryJournal());
    private readonly SimulatedSilo silo;
    private readonly List<(string Id, CustomerEvent Event)> posted = [];
    private readonly Dictionary<string, string> acknowledged = [];
    private readonly List<(string, string)> linked = [];
    private readonly HashSet<string> delivered = [];
    private readonly bool hasPartings;
    private bool isStormy;

    public MergeWorld(int seed)
    {
        hasPartings = seed % 3 == 0;
        random = new Random(seed);
        time = new VirtualTime(new SeededScheduler(seed));
        isStormy = seed % 4 != 0;
        var sender = new ScriptedSender { Script = Deliver };
        silo = new SimulatedSilo(time, ledger, new SimulatedStorage(), sender)
        {
            Configure = options => (options.CollectionAge, options.CollectionQuantum, options.ResponseTimeout) =
                (TimeSpan.FromSeconds(80), TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(20)),
        };
        foreach (var (trigger, name) in Shop.Unless)
            ledger.Unless.Add(trigger, name);
    }

    public IReadOnlyList<string> Violations => ledger.Violations;

    public int Acknowledged => acknowledged.Count;

    /// <summary>How the ids came together, for whoever looks for a fault.</summary>
    public List<string> Merges { get; } = [];

    public int Merged { get; private set; }

    public int Abandoned { get; private set; }

    public int Parted { get; private set; }

    public void Run()
    {
        silo.Start();
        time.Run(OpenShop);
        if (isStormy)
            silo.Journal.Faults = Storm();
        var until = time.Elapsed + StormLength;
        Task[] busy =
        [
            .. Enumerable.Range(0, 3).Select(caller => Start(until, () => Post(caller))),
            .. Enumerable.Range(0, 2).Select(_ => Start(until, Link)),
            .. hasPartings ? [Start(until, Part)] : Array.Empty<Task>(),
            .. isStormy ? [Start(until, Crash)] : Array.Empty<Task>(),
        ];
        time.RunUntil(() => Array.TrueForAll(busy, static task => task.IsCompleted));
        time.Run(() => Task.WhenAll(busy));

        isStormy = false;
        silo.Journal.Faults = Faults.None;
        if (!silo.IsRunning)
            silo.Start();
        time.RunUntil(() => ledger.Accounts.Values.All(static account => account.IsAtRest), TimeSpan.FromHours(1));
        time.Advance(TimeSpan.FromMinutes(3));
        time.Run(CheckBooks);
    }

    private async Task OpenShop()
    {
        await Put(RegistryKind.Sender, "mail", Shop.Sender);
        await Put(RegistryKind.Sender, "sms", Shop.HoldingSender);
        await Put(RegistryKind.Template, "hello", Shop.Template);
        await Put(RegistryKind.Trigger, "abandoned", Shop.Abandoned(30));
        await Put(RegistryKind.Trigger, "browsed", Shop.Browsed);
        await Put(RegistryKind.Trigger, "welcomed", Shop.Welcomed);
    }

    private Task<RegistryPut> Put(string kind, string id, string document) =>
        silo.Call(grains => grains.GetGrain<IRegistryGrain>(Shop.Workspace).Put(kind, id, JsonText.FromString(document)));

    private Task Start(TimeSpan until, Func<Task> something) => time.Scheduler!.Start(async () =>
    {
        while (time.Elapsed < until)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(8_000)), time);
            await something();
        }
    });

    private async Task Post(int caller)
    {
        var id = random.Next(2) == 0 ? Known[random.Next(Known.Length)] : Provisional[random.Next(Provisional.Length)];
        if (posted.Count > 0 && random.Next(6) == 0)
        {
            var again = posted[random.Next(posted.Count)];
            await Apply(again.Id, again.Event);
            return;
        }
        var happened = Shop.Happens(random, $"{caller}-{posted.Count}", time.GetUtcNow()) with
        {
            IsProvisional = Provisional.Contains(id),
            Identities = random.Next(3) == 0 ? [Provisional[random.Next(Provisional.Length)]] : null,
        };
        posted.Add((id, happened));
        await Apply(id, happened);
    }

    private async Task Apply(string id, CustomerEvent happened)
    {
        var answered = await Insist(async grains => (await Customer(grains, id).Apply([happened]))[0]);
        if (answered?.Status is ReceiptStatus.Accepted or ReceiptStatus.Late or ReceiptStatus.Duplicate)
            acknowledged.TryAdd(happened.MessageId, id);
    }

    private async Task Link()
    {
        string[] all = [.. Known, .. Provisional];
        var (into, other) = (all[random.Next(all.Length)], all[random.Next(all.Length)]);
        if (random.Next(4) > 0 || into == other)
            return;
        // At the same time the other way round, now and then.
        Task<Linked?>[] calls = [Link(into, other), .. random.Next(2) == 0 ? [Link(other, into)] : Array.Empty<Task<Linked?>>()];
        foreach (var outcome in await Task.WhenAll(calls))
        {
            if (outcome is { Refusal: null })
                linked.Add((into, other));
        }
    }

    private async Task Part()
    {
        string[] all = [.. Known, .. Provisional];
        var (id, other) = (all[random.Next(all.Length)], all[random.Next(all.Length)]);
        if (random.Next(2) == 0)
            await Insist(async grains => new Linked(await Customer(grains, id).Part(other, "operator")));
    }

    private Task<Linked?> Link(string into, string other) => Insist(async grains => new Linked(await Customer(grains, into).Link(other, "operator")));

    private sealed record Linked(string? Refusal);

    private async Task<T?> Insist<T>(Func<IGrainFactory, Task<T>> call) where T : class
    {
        for (var attempt = 1; attempt <= 200; attempt++)
        {
            try
            {
                return await silo.Call(call);
            }
            catch (Exception failure) when (failure is JournalBusyException or JournalException or TimeoutException or OrleansException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(3_000)), time);
            }
        }
        return null;
    }

    private async Task Crash()
    {
        if (random.Next(3) > 0)
        {
            silo.Journal.Faults = random.Next(2) == 0 ? Storm() : Faults.None;
            return;
        }
        silo.Crash();
        await Task.Delay(TimeSpan.FromMilliseconds(random.Next(10_000)), time);
        silo.Start();
    }

    private Faults Storm() => new()
    {
        BeforeCommit = random.NextDouble() * 0.2,
        AfterCommit = random.NextDouble() * 0.2,
        Read = random.NextDouble() * 0.1,
        DelayMax = TimeSpan.FromMilliseconds(random.Next(3) == 0 ? 5_000 : 200),
    };

    private async Task<Delivery> Deliver(SendMessage message, CancellationToken cancellation)
    {
        ledger.Check(delivered.Add($"{message.Job.DecisionId}/{message.Job.Attempt}"), $"{message.Job.DecisionId} was delivered twice.");
        if (isStormy)
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(2_000)), time, CancellationToken.None);
        return new(SendOutcome.Sent, "provider-1");
    }

    private async Task CheckBooks()
    {
        var profiles = await ReadProfiles();
        foreach (var (id, profile) in profiles)
        {
            ledger.Check(profile.Merge is null or { IsHandedOver: true }, $"{id} was never handed over.");
            ledger.Check(!profile.Identities.Any(Outlook.IsUnsettled) || profile.Merge is not null, $"{id} has an identity that nobody settled.");
        }
        string RootOf(string id)
        {
            for (var hops = 0; profiles.TryGetValue(id, out var profile) && profile.Merge is { } merge; hops++)
            {
                if (hops > profiles.Count)
                    throw new InvalidOperationException($"{id} was merged in a circle.");
                id = merge.Into;
            }
            return id;
        }

        foreach (var (messageId, id) in acknowledged)
        {
            var times = ledger.Accounts.Values.Count(account => account.Events.ContainsKey(messageId));
            ledger.Check(times == 1 || (hasPartings && times > 1), $"{messageId} of {id} was acknowledged and is {times} times in the journal.");
        }
        CheckTotals(profiles);
        if (hasPartings)
            return;
        foreach (var (into, other) in linked)
            ledger.Check(RootOf(into) == RootOf(other), $"{into} and {other} were to be one and are {RootOf(into)} and {RootOf(other)}.");
        foreach (var kin in profiles.Keys.GroupBy(RootOf))
        {
            var applied = kin.SelectMany(id => ledger.Of($"{Shop.Workspace}/{id}").Applied).ToArray();
            foreach (var counter in profiles[kin.Key].Counters)
                ledger.Check(counter.Count == applied.Count(happened => happened.Name == counter.Name), $"{kin.Key} counts {counter.Count} of {counter.Name}, and {applied.Count(happened => happened.Name == counter.Name)} were applied to {string.Join(", ", kin)}.");
            ledger.Check(applied.All(happened => profiles[kin.Key].FindCounter(happened.Name!) is not null), $"{kin.Key} has lost a counter.");
            var view = await silo.Call(grains => Customer(grains, kin.Last()).Read());
            ledger.Check(view?.Customer == kin.Key, $"{kin.Last()} shows {view?.Customer} instead of {kin.Key}.");
        }
    }

    /// <summary>Each event counts for one customer, whoever was merged and parted meanwhile.</summary>
    private void CheckTotals(Dictionary<string, Profile> profiles)
    {
        var applied = ledger.Accounts.Values.SelectMany(static account => account.Applied).DistinctBy(static happened => happened.MessageId).CountBy(static happened => happened.Name!);
        foreach (var (name, count) in applied)
        {
            var counted = profiles.Values.Where(static profile => profile.Merge is null).Sum(profile => profile.FindCounter(name)?.Count ?? 0);
            ledger.Check(counted == count, $"{count} events {name} were applied, and {counted} are counted.");
        }
    }

    private async Task<Dictionary<string, Profile>> ReadProfiles()
    {
        var profiles = new Dictionary<string, Profile>();
        await foreach (var entry in ledger.ReadAllAsync(0, CancellationToken.None))
        {
            var key = CustomerKey.Parse(entry.Customer);
            foreach (var fact in FactCodec.Decode(entry.Record.Payload))
            {
                profiles[key.CustomerId] = Evolver.Evolve(profiles.GetValueOrDefault(key.CustomerId) ?? Profile.New(key), fact);
                if (fact is not (Fact.EventApplied or Fact.WaitArmed or Fact.UnlessSeen or Fact.Decided or Fact.SendAuthorized or Fact.SendSettled))
                    Merges.Add($"{entry.Record.RecordedAt:mm:ss.fff} {key.CustomerId} {Show(fact)}");
                Merged += fact is Fact.CustomerAbsorbed ? 1 : 0;
                Parted += fact is Fact.IdentityParted ? 1 : 0;
                Abandoned += fact is Fact.MergeAbandoned ? 1 : 0;
            }
        }
        return profiles;
    }

    private static string Show(Fact fact) => fact switch
    {
        Fact.CustomerAbsorbed absorbed => $"absorbed {absorbed.Id} {absorbed.MergeId} with {string.Join(", ", absorbed.State.Identities.Select(static known => $"{known.Id} {known.State} {known.MergeId}"))}",
        Fact.IdentityParting parting => $"parting {string.Join(", ", parting.Handback.Ids)}",
        Fact.MergeUndone undone => $"undone {undone.MergeId}",
        _ => $"{fact}",
    };

    private static ICustomerGrain Customer(IGrainFactory grains, string id) => grains.GetGrain<ICustomerGrain>($"{Shop.Workspace}/{id}");
}
