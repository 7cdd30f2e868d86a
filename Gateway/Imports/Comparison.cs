using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orleans.Personalize.Gateway.Connectors;

namespace Orleans.Personalize.Gateway.Imports;

/// <param name="Finding">One of the constants of <see cref="Comparison"/>.</param>
/// <param name="Ours">Null where there is none.</param>
internal readonly record struct Compared(string Finding, bool IsConsent, string Name, JsonText Theirs, TraitView? Ours)
{
    /// <summary>Its name among the fields of a profile.</summary>
    public string Field => IsConsent ? $"consent.{Name}" : Name;
}

/// <summary>A row of a snapshot next to a profile.</summary>
internal static class Comparison
{
    public const string Equal = "equal";
    /// <summary>Nothing is known of the field here.</summary>
    public const string Missing = "missing";
    /// <summary>Ours differs and is older.</summary>
    public const string Stale = "stale";
    /// <summary>Ours differs and is as old or newer.</summary>
    public const string Conflicting = "conflicting";

    /// <summary>Each field that the row speaks of, with what is found.</summary>
    /// <param name="ours">Null: nothing is known of the customer.</param>
    public static List<Compared> Of(CustomerEvent theirs, CustomerView? ours)
    {
        var compared = new List<Compared>();
        Compare(false, theirs.Traits, ours?.Traits);
        Compare(true, theirs.Consent, ours?.Consent);
        return compared;

        void Compare(bool isConsent, JsonText values, TraitView[]? known)
        {
            if (values.IsAbsent)
                return;
            foreach (var member in JsonElement.Parse(values.Span).EnumerateObject())
            {
                var own = known is null ? null : Array.Find(known, trait => trait.Name == member.Name);
                var finding = own is null
                    ? member.Value.ValueKind == JsonValueKind.Null ? Equal : Missing
                    : JsonElement.DeepEquals(JsonElement.Parse(own.Value.Span), member.Value) ? Equal
                    : own.At < theirs.OccurredAt ? Stale
                    : Conflicting;
                compared.Add(new(finding, isConsent, member.Name, JsonText.FromString(member.Value.GetRawText()), own));
            }
        }
    }

    /// <summary>The event that brings what is missing or stale up to the row; null where nothing is.</summary>
    public static CustomerEvent? Repair(CustomerEvent theirs, List<Compared> compared)
    {
        var wanted = compared.Where(static one => one.Finding is Missing or Stale).ToArray();
        if (wanted.Length == 0)
            return null;
        var (traits, consent) = (ObjectOf(wanted.Where(static one => !one.IsConsent)), ObjectOf(wanted.Where(static one => one.IsConsent)));
        var fingerprint = new Fingerprint().Add(Encoding.UTF8.GetBytes(theirs.MessageId)).Add(traits.Span).Add(consent.Span).Value;
        return theirs with
        {
            MessageId = $"repair-{fingerprint:x16}", Type = EventType.Identify, Name = null, IsHistory = true, Properties = default, Identities = null,
            Traits = traits, Consent = consent, Fingerprint = fingerprint,
        };
    }

    private static JsonText ObjectOf(IEnumerable<Compared> wanted)
    {
        var members = new JsonObject(wanted.Select(static one => KeyValuePair.Create(one.Name, JsonNode.Parse(one.Theirs.Span))));
        return members.Count == 0 ? default : JsonText.FromString(members.ToJsonString());
    }
}
